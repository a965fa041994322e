// What every client goes through. An adapter says how its library does it:
//
//   name
//   connect(seeds, ports, {readReplicas}) -> connection with
//     command(key, word, ...)      a single command; rejects if it fails
//     pipeline(tag, commands)      several commands whose keys share a hash tag, sent together
//     spread(commands)             several commands for all over the cluster, sent together
//     transaction(tag, commands)   MULTI and EXEC
//     publish(channel, text)       at any node
//     subscribe(channel, listener), subscribeShard(channel, listener)
//     close()
//
// What happens to the cluster meanwhile is up to whoever started us: `act` writes a line that asks
// for it, and waits for a line in answer.
'use strict';

const assert = require('node:assert/strict');
const readline = require('node:readline');

const kPatience = 30000;  // ms, for a write that is repeated

const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();

async function act(what) {
  process.stdout.write(`ACT ${what}\n`);
  const {value, done} = await lines.next();
  if (done) throw new Error('nobody answers');
  return value;
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const range = (count) => Array.from({length: count}, (_, n) => n);

async function waitUntil(done) {
  for (const deadline = Date.now() + kPatience; !done(); await sleep(10)) {
    if (Date.now() > deadline) throw new Error('not in time');
  }
}

// `workers` write new keys, one after the other each, until `until` is settled. With `retry` a
// write is repeated until it succeeds; without, the first error is the end.
async function write(connection, name, {until, retry, workers = 16}) {
  const keys = [];
  let stop = false;
  let errors = 0;
  const worker = async (number) => {
    for (let n = 0; !stop; n++) {
      const key = `${name}:${number}:${n}`;
      for (const deadline = Date.now() + kPatience;;) {
        try {
          assert.equal(await connection.command(key, 'SET', key, key), 'OK');
          break;
        } catch (error) {
          if (!retry || Date.now() > deadline) throw new Error(`SET ${key}: ${error.message}`);
          errors++;
          await sleep(20);
        }
      }
      keys.push(key);
      await sleep(5);
    }
  };
  const writing = range(workers).map(worker);
  // Not while one that has failed is not yet looked at.
  const failed = Promise.all(writing);
  await Promise.race([until(), failed]).finally(() => { stop = true; });
  await failed;
  return {keys, errors};
}

async function readBack(connection, keys) {
  for (let at = 0; at < keys.length; at += 500) {
    const part = keys.slice(at, at + 500);
    const values = await connection.spread(part.map((key) => ['GET', key]));
    assert.deepEqual(values, part);
  }
}

function steps(adapter, ports) {
  let connection;
  const written = [];
  return {
    'connect': async () => {
      connection = await adapter.connect(ports.slice(0, 1), ports, {readReplicas: false});
      return 'knowing one of the nodes';
    },
    'single keys': async () => {
      for (const n of range(500)) {
        const key = `single:${n}`;
        assert.equal(await connection.command(key, 'SET', key, key), 'OK');
        assert.equal(await connection.command(key, 'GET', key), key);
        written.push(key);
      }
      assert.equal(await connection.command('single:0', 'DEL', 'single:0'), 1);
      assert.equal(await connection.command('single:0', 'GET', 'single:0'), null);
      written.shift();
      return '500 keys in all slots';
    },
    'other types': async () => {
      const run = (key, ...words) => connection.command(key, words[0], key, ...words.slice(1));
      assert.equal(await run('h', 'HSET', 'a', '1', 'b', '2'), 2);
      assert.deepEqual(await run('h', 'HMGET', 'a', 'b', 'c'), ['1', '2', null]);
      assert.equal(await run('l', 'RPUSH', '1', '2', '3'), 3);
      assert.deepEqual(await run('l', 'LRANGE', '0', '-1'), ['1', '2', '3']);
      assert.equal(await run('s', 'SADD', 'x', 'y'), 2);
      assert.deepEqual([...await run('s', 'SMEMBERS')].sort(), ['x', 'y']);
      assert.equal(await run('n', 'INCRBY', '17'), 17);
      assert.equal(await run('n', 'EXPIRE', '100'), 1);
      assert.ok(await run('n', 'TTL') > 0);
      await assert.rejects(run('h', 'INCR'), /WRONGTYPE/);
      return 'hashes, lists, sets, numbers, expiry, an error';
    },
    'pipelines': async () => {
      const one = range(200).map((n) => `{pipeline}${n}`);
      assert.deepEqual(await connection.pipeline('pipeline', one.map((key) => ['SET', key, key])),
                       one.map(() => 'OK'));
      const many = range(1000).map((n) => `pipeline:${n}`);
      assert.deepEqual(await connection.spread(many.map((key) => ['SET', key, key])),
                       many.map(() => 'OK'));
      await readBack(connection, [...one, ...many]);
      return '200 commands of one slot, 1000 of all slots';
    },
    'hash tags': async () => {
      const keys = range(50).map((n) => `{tag}${n}`);
      const words = keys.flatMap((key) => [key, key]);
      assert.equal(await connection.command(keys[0], 'MSET', ...words), 'OK');
      assert.deepEqual(await connection.command(keys[0], 'MGET', ...keys), keys);
      assert.deepEqual(await connection.transaction('tag', [
        ['SET', '{tag}n', '1'], ['INCR', '{tag}n'], ['DEL', ...keys.slice(1)],
      ]), ['OK', 2, 49]);
      await assert.rejects(connection.command('a', 'MGET', 'a', 'b'), /CROSSSLOT/);
      return 'MSET, MGET, MULTI, and a refusal without them';
    },
    'messages': async () => {
      const subscriber = await adapter.connect(ports.slice(0, 1), ports, {readReplicas: false});
      const texts = range(100).map(String);
      const got = {};
      const listen = (channel) => {
        got[channel] = [];
        return (text) => got[channel].push(text);
      };
      const shards = range(10).map((n) => `shard:${n}`);
      await subscriber.subscribe('all', listen('all'));
      for (const channel of shards) await subscriber.subscribeShard(channel, listen(channel));
      for (const text of texts) await connection.publish('all', text);
      for (const channel of shards) {
        for (const text of texts) {
          assert.ok(await connection.command(channel, 'SPUBLISH', channel, text) <= 1);
        }
      }
      await waitUntil(() => Object.values(got).every((all) => all.length >= texts.length));
      // Those to a shard come by way of its primary; the others by way of several nodes.
      const byNumber = (one, two) => one - two;
      assert.deepEqual(got.all.sort(byNumber), texts);
      for (const channel of shards) assert.deepEqual(got[channel], texts);
      await subscriber.close();
      return '100 to all, 100 to each of 10 shard channels';
    },
    'replica reads': async () => {
      await act('replicate');
      const reader = await adapter.connect(ports, ports, {readReplicas: true});
      const before = Number(await act('reads of replicas'));
      await readBack(reader, written);
      for (const key of written.slice(0, 100)) {
        assert.equal(await reader.command(key, 'GET', key), key);
      }
      const after = Number(await act('reads of replicas'));
      await reader.close();
      assert.ok(after > before, 'replicas were read from');
      return `${after - before} of ${written.length + 100} reads`;
    },
    'live reshard': async () => {
      const {keys} = await write(connection, 'reshard', {until: () => act('reshard')});
      await readBack(connection, [...keys, ...written]);
      for (const key of keys) written.push(key);
      return `${keys.length} writes, no error`;
    },
    'primary killed': async () => {
      const {keys, errors} = await write(connection, 'kill',
                                         {until: () => act('kill'), retry: true});
      await readBack(connection, [...keys, ...written]);
      for (const key of keys) written.push(key);
      return `${keys.length} writes, ${errors} repeated`;
    },
    'primary back': async () => {
      const {keys} = await write(connection, 'back', {until: () => act('revive')});
      await readBack(connection, [...keys, ...written]);
      await connection.close();
      return `${written.length} keys are all there`;
    },
  };
}

// Takes the steps, prints a table, and exits with 1 if one failed; those after it are not tried.
async function main(adapter) {
  const ports = process.argv.slice(2).map(Number);
  let failed = false;
  for (const [name, step] of Object.entries(steps(adapter, ports))) {
    let result = ['not tried', ''];
    if (!failed) {
      try {
        result = ['ok', await step()];
      } catch (error) {
        failed = true;
        result = ['FAILED', error.stack];
      }
    }
    process.stdout.write(`${adapter.name.padEnd(12)}${name.padEnd(16)}${result[0].padEnd(10)}` +
                         `${result[1]}\n`);
  }
  process.exit(failed ? 1 : 0);
}

module.exports = {main};
