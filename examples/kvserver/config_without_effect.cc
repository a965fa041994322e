// The names of the directives that Redis has, and kvserver has not.

#include <string>
#include <string_view>

#include "kvserver/config.h"

namespace kv {
namespace {

// Directives of Redis 7.0 that have no effect here; a blank on both sides of each.
constexpr std::string_view kWithoutEffect =
    " acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min"
    " active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower"
    " active-defrag-threshold-upper active-expire-effort activedefrag activerehashing"
    " always-show-logo aof-disable-auto-gc aof-load-truncated aof-rewrite-incremental-fsync"
    " aof-timestamp-enabled aof-use-rdb-preamble aof_rewrite_cpulist appenddirname"
    " appendfilename appendfsync auto-aof-rewrite-min-size auto-aof-rewrite-percentage"
    " bgsave_cpulist bind-source-addr bio_cpulist busy-reply-threshold"
    " crash-log-enabled crash-memcheck-enabled databases"
    " disable-thp dynamic-hz enable-module-command enable-protected-configs"
    " hash-max-listpack-entries hash-max-listpack-value hash-max-ziplist-entries"
    " hash-max-ziplist-value hll-sparse-max-bytes ignore-warnings io-threads io-threads-do-reads"
    " jemalloc-bg-thread latency-monitor-threshold latency-tracking"
    " latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire"
    " lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time"
    " lfu-log-factor list-compress-depth list-max-listpack-size list-max-ziplist-entries"
    " list-max-ziplist-value list-max-ziplist-size loadmodule lua-replicate-commands"
    " lua-time-limit maxmemory-eviction-tenacity maxmemory-samples no-appendfsync-on-rewrite"
    " notify-keyspace-events oom-score-adj oom-score-adj-values proc-title-template"
    " propagation-error-behavior rdb-del-sync-files rdb-save-incremental-fsync rdbchecksum"
    " rdbcompression rename-command repl-disable-tcp-nodelay repl-diskless-load"
    " repl-diskless-sync repl-diskless-sync-max-replicas replica-announce-ip"
    " replica-announce-port replica-announced replica-ignore-disk-write-errors"
    " replica-ignore-maxmemory replica-lazy-flush replica-read-only"
    " replica-serve-stale-data replicaof sanitize-dump-payload server_cpulist"
    " set-max-intset-entries set-proc-title shutdown-on-sigint shutdown-on-sigterm"
    " slave-announce-ip slave-announce-port slave-ignore-maxmemory"
    " slave-lazy-flush slave-read-only slave-serve-stale-data slaveof"
    " slowlog-log-slower-than slowlog-max-len socket-mark-id"
    " stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility"
    " syslog-ident tls-auth-clients tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers"
    " tls-ciphersuites tls-client-cert-file tls-client-key-file tls-client-key-file-pass"
    " tls-cluster tls-dh-params-file tls-key-file tls-key-file-pass tls-port"
    " tls-prefer-server-ciphers tls-protocols tls-replication tls-session-cache-size"
    " tls-session-cache-timeout tls-session-caching tracking-table-max-keys unixsocket"
    " unixsocketperm user zset-max-listpack-entries zset-max-listpack-value"
    " zset-max-ziplist-entries zset-max-ziplist-value ";

}  // namespace

bool IsRedisDirective(std::string_view name) {
  if (name.empty() || name.find(' ') != std::string_view::npos) return false;
  return kWithoutEffect.find(" " + std::string(name) + " ") != std::string_view::npos;
}

}  // namespace kv
