'use strict';

const {Cluster} = require('ioredis');
const {main} = require('./steps.js');

// [[error, result], ...] of a pipeline.
function results(replies) {
  return replies.map(([error, result]) => {
    if (error) throw error;
    return result;
  });
}

class Connection {
  constructor(cluster) {
    this.cluster = cluster;
  }

  // What reads is known by names in lower case.
  command(key, ...words) {
    return this.cluster.call(...lower(words));
  }

  async pipeline(tag, commands) {
    return results(await this.cluster.pipeline(commands.map(lower)).exec());
  }

  spread(commands) {
    return Promise.all(commands.map((words) => this.command(words[1], ...words)));
  }

  async transaction(tag, commands) {
    return results(await this.cluster.multi(commands.map(lower)).exec());
  }

  publish(channel, text) {
    return this.cluster.publish(channel, text);
  }

  async subscribe(channel, listener) {
    this.cluster.on('message', (from, text) => from === channel && listener(text));
    await this.cluster.subscribe(channel);
  }

  async subscribeShard(channel, listener) {
    this.cluster.on('smessage', (from, text) => from === channel && listener(text));
    await this.cluster.ssubscribe(channel);
  }

  async close() {
    await this.cluster.quit();
  }
}

function lower([word, ...args]) {
  return [word.toLowerCase(), ...args];
}

main({
  name: 'ioredis',
  connect: async (seeds, ports, {readReplicas}) => {
    const cluster = new Cluster(seeds.map((port) => ({host: '127.0.0.1', port})),
                                {scaleReads: readReplicas ? 'slave' : 'master',
                                 shardedSubscribers: true, lazyConnect: true});
    cluster.on('error', () => {});  // Each command tells itself.
    await cluster.connect();
    return new Connection(cluster);
  },
});
