'use strict';

const {ErrorReply, createCluster} = require('redis');
const {main} = require('./steps.js');

const READS = new Set(['GET', 'MGET', 'HMGET', 'LRANGE', 'SMEMBERS', 'TTL']);

async function create(ports, readReplicas) {
  const cluster = createCluster({
    rootNodes: ports.map((port) => ({url: `redis://127.0.0.1:${port}`})),
    useReplicas: readReplicas,
    minimizeConnections: true,
    defaults: {socket: {reconnectStrategy: false}},
  });
  cluster.on('error', () => {});  // Each command tells itself.
  await cluster.connect();
  return cluster;
}

// The library learns from MOVED where slots have gone; a node that died does not say it, and what
// is sent to it would wait for its return. So it is told to fail, and a program has to begin anew.
class Connection {
  constructor(cluster, ports, readReplicas) {
    Object.assign(this, {cluster, ports, readReplicas});
  }

  async command(key, ...words) {
    const used = this.cluster;
    try {
      return await used.sendCommand(key, READS.has(words[0]), words);
    } catch (error) {
      if (!(error instanceof ErrorReply) && used === this.cluster) await this.renew();
      throw error;
    }
  }

  async renew() {
    this.renewing ??= create(this.ports, this.readReplicas).then((cluster) => {
      const old = this.cluster;
      this.cluster = cluster;
      try {
        old.destroy();
      } catch {
        // Part of it is closed already.
      }
    }).finally(() => { this.renewing = undefined; });
    await this.renewing;
  }

  pipeline(tag, commands) {
    return this.batch(tag, commands).execAsPipeline();
  }

  // Commands of one turn of the event loop are sent together.
  spread(commands) {
    return Promise.all(commands.map((words) => this.command(words[1], ...words)));
  }

  transaction(tag, commands) {
    return this.batch(tag, commands).exec();
  }

  publish(channel, text) {
    return this.cluster.publish(channel, text);
  }

  subscribe(channel, listener) {
    return this.cluster.subscribe(channel, listener);
  }

  subscribeShard(channel, listener) {
    return this.cluster.sSubscribe(channel, listener);
  }

  batch(tag, commands) {
    const batch = this.cluster.multi(tag);
    for (const words of commands) batch.addCommand(tag, READS.has(words[0]), words);
    return batch;
  }

  close() {
    return this.cluster.close();
  }
}

main({
  name: 'node-redis',
  connect: async (seeds, ports, {readReplicas}) =>
    new Connection(await create(seeds, readReplicas), ports, readReplicas),
});
