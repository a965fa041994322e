#ifndef KVSERVER_CLUSTER_COMMANDS_H_
#define KVSERVER_CLUSTER_COMMANDS_H_

#include "kvserver/command.h"

namespace kv {

class ClusterHost;

// Commands of a server with cluster support; they replace the stand-alone ones.
void AddClusterCommands(CommandTable& table);      // CLUSTER, READONLY, READWRITE, ASKING
void AddReplicationCommands(CommandTable& table);  // PSYNC, REPLCONF, WAIT, ROLE, REPLICAOF
// Sections Replication and Cluster of INFO.
void AddClusterInfo(ClusterHost& cluster);

// Parts of CLUSTER, one function per file commands_cluster_*.cc.
void AddClusterQueries(CommandTable& table);
void AddClusterSlotCommands(CommandTable& table);
void AddClusterMigrationCommands(CommandTable& table);
void AddClusterNodeCommands(CommandTable& table);
void AddClusterDebugCommands(CommandTable& table);  // Of DEBUG.

}  // namespace kv

#endif  // KVSERVER_CLUSTER_COMMANDS_H_
