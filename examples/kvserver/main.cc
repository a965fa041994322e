// kvserver: a Redis-style server. This file turns the command line into a running Server.

#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/cluster_host.h"
#include "kvserver/config.h"
#include "kvserver/daemon.h"
#include "kvserver/log.h"
#include "kvserver/memory_use.h"
#include "kvserver/monitor.h"
#include "kvserver/server.h"

namespace kv {
namespace {

constexpr char kUsage[] =
    "Usage: kvserver [/path/to/kvserver.conf] [--directive value ...]\n"
    "       kvserver -v or --version\n"
    "       kvserver -h or --help\n"
    "\n"
    "Directives and file are those of redis-server 7.0. Examples:\n"
    "       kvserver\n"
    "       kvserver --port 7777 --bind 127.0.0.1\n"
    "       kvserver /etc/redis/6379.conf --loglevel verbose\n";

std::string AbsolutePath(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) == nullptr ? path : std::string(resolved);
}

// Exits with a message if the configuration is at fault.
Config LoadConfig(const std::vector<std::string>& args, std::vector<std::string>* warnings) {
  Config config;
  ConfigError error;
  std::string file;
  const std::string options = ArgumentsToConfigText(args, &file);
  std::string text;
  if (!file.empty()) {
    config.config_file = AbsolutePath(file);
    if (!ReadConfigFile(config.config_file, &text, &error)) {
      Log(LogLevel::kWarning, error.cause);
      std::exit(1);
    }
  }
  if (!ParseConfigText(absl::StrCat(text, "\n", options), config, *warnings, &error)) {
    std::fputs(error.ToString().c_str(), stderr);
    std::exit(1);
  }
  return config;
}

// Directory, log and process as configured; exits with a message if that is not possible.
void EnterEnvironment(Config& config) {
  if (chdir(config.dir.c_str()) != 0) {
    Log(LogLevel::kWarning,
        absl::StrCat("Can't chdir to '", config.dir, "': ", std::strerror(errno)));
    std::exit(1);
  }
  config.dir = AbsolutePath(".");
  SetLogLevel(config.loglevel);
  if (!SetLogFile(config.logfile)) {
    Log(LogLevel::kWarning, absl::StrCat("Can't open the log file: ", std::strerror(errno)));
    std::exit(1);
  }
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  if (!config.daemonize) return;
  Daemonize();
  if (config.pidfile.empty()) config.pidfile = "/var/run/kvserver.pid";
}

int Main(const std::vector<std::string>& args) {
  if (args.size() == 1 && (args[0] == "-v" || args[0] == "--version")) {
    std::printf("kvserver, compatible with Redis v=%s\n", std::string(kRedisVersion).c_str());
    return 0;
  }
  if (args.size() == 1 && (args[0] == "-h" || args[0] == "--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  std::vector<std::string> warnings;
  Config config = LoadConfig(args, &warnings);
  EnterEnvironment(config);
  Log(LogLevel::kWarning,
      absl::StrCat("kvserver is starting, compatible with Redis ", std::string(kRedisVersion)));
  Log(LogLevel::kWarning, "Configuration loaded");
  for (const std::string& warning : warnings) Log(LogLevel::kWarning, warning);
  SetLogRole(LogRole::kPrimary);
  AdjustOpenFileLimit(config);

  Server server(std::move(config));
  if (const absl::Status status = server.Listen(); !status.ok()) {
    Log(LogLevel::kWarning, std::string(status.message()));
    Log(LogLevel::kWarning,
        absl::StrCat("Failed listening on port ", server.config().port, " (TCP), aborting."));
    return 1;
  }
  if (const absl::Status status = server.Load(); !status.ok()) {
    Log(LogLevel::kWarning, std::string(status.message()));
    return 1;
  }
  std::unique_ptr<ClusterHost> cluster;
  if (server.config().cluster_enabled) {
    absl::StatusOr<std::unique_ptr<ClusterHost>> started = ClusterHost::Start(server);
    if (!started.ok()) {
      Log(LogLevel::kWarning, std::string(started.status().message()));
      return 1;
    }
    cluster = *std::move(started);
  }
  std::unique_ptr<Monitor> monitor;
  if (server.config().metrics_port != 0) {
    absl::StatusOr<std::unique_ptr<Monitor>> started = Monitor::Start(server, cluster.get());
    if (!started.ok()) {
      Log(LogLevel::kWarning, std::string(started.status().message()));
      return 1;
    }
    monitor = *std::move(started);
  }
  const PidFile pid_file(server.config().pidfile);
  Log(LogLevel::kNotice,
      absl::StrCat("Running mode=", server.config().cluster_enabled ? "cluster" : "standalone",
                   ", port=", server.config().port, "."));
  Log(LogLevel::kNotice, absl::StrCat("PID: ", getpid()));
  Log(LogLevel::kWarning, "Server initialized");
  Log(LogLevel::kNotice, "Ready to accept connections");
  const int exit_code = server.Run();
  Log(LogLevel::kWarning, "kvserver is now ready to exit, bye bye...");
  return exit_code;
}

}  // namespace
}  // namespace kv

int main(int argc, char** argv) {
  kv::BoundAllocatorSteps();
  return kv::Main(std::vector<std::string>(argv + 1, argv + argc));
}
