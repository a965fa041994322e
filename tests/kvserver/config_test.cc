#include "kvserver/config.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.h"

namespace kv {
namespace {

struct Parsed {
  bool ok = false;
  Config config;
  std::vector<std::string> warnings;
  ConfigError error;
};

Parsed Parse(std::string_view text) {
  Parsed parsed;
  parsed.ok = ParseConfigText(text, parsed.config, parsed.warnings, &parsed.error);
  return parsed;
}

std::string FromArguments(const std::vector<std::string>& args) {
  std::string file;
  const std::string text = ArgumentsToConfigText(args, &file);
  return file.empty() ? text : file + "|" + text;
}

// A directory of its own, removed at the end.
class TestDirectory {
 public:
  TestDirectory() {
    char pattern[] = "/tmp/kvserver-config-XXXXXX";
    path_ = mkdtemp(pattern);
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_CASE("a configuration file may have comments, quotes, blanks and CRLF") {
  const Parsed parsed = Parse(
      "# Gr\xc3\xbc\xc3\x9f"
      "e\r\n\r\n  PORT 7000  \t\r\nbind 127.0.0.1 ::1\n"
      "requirepass \"a \\\"b\\\" \\x41\"\nlogfile 'it\\'s.log'\nsave \"\"\n   # end");
  REQUIRE(parsed.ok);
  CHECK(parsed.config.port == 7000);
  CHECK(parsed.config.bind == std::vector<std::string>{"127.0.0.1", "::1"});
  CHECK(parsed.config.requirepass == "a \"b\" A");
  CHECK(parsed.config.logfile == "it's.log");
  CHECK(parsed.config.save.empty());
  CHECK(parsed.warnings.empty());
}

TEST_CASE("a fault is described with line, text and cause") {
  const Parsed parsed = Parse("port 7000\n\n  foo bar  \n");
  REQUIRE_FALSE(parsed.ok);
  CHECK(parsed.error.ToString() ==
        "\n*** FATAL CONFIG FILE ERROR (kvserver 7.0.15) ***\n"
        "Reading the configuration file, at line 3\n"
        ">>> 'foo bar'\n"
        "Bad directive or wrong number of arguments\n");
}

TEST_CASE("bad values get Redis's words") {
  const auto cause = [](std::string_view text) { return Parse(text).error.cause; };
  CHECK(cause("port abc") == "argument couldn't be parsed into an integer");
  CHECK(cause("port 65536") == "argument must be between 0 and 65535 inclusive");
  CHECK(cause("port") == "wrong number of arguments");
  CHECK(cause("port 1 2") == "wrong number of arguments");
  CHECK(cause("cluster-enabled maybe") == "argument must be 'yes' or 'no'");
  CHECK(cause("proto-max-bulk-len 1x") == "argument must be a memory value");
  CHECK(cause("maxmemory 1x") == "argument must be a memory value");
  CHECK(cause("maxmemory-policy allkeys-lru") ==
        "kvserver evicts no keys, so that noeviction is its only policy");
  CHECK(Parse("maxmemory-policy noeviction\nmaxmemory 1mb").config.maxmemory == 1 << 20);
  CHECK(cause("loglevel loud") ==
        "argument(s) must be one of the following: debug, verbose, notice, warning");
  CHECK(cause("port \"7") == "Unbalanced quotes in configuration line");
  CHECK(cause("save 1") == "Invalid save parameters");
  CHECK(cause("client-output-buffer-limit normal 1") ==
        "Wrong number of arguments in buffer limit configuration.");
  CHECK(cause("maxmemory-samples") == "Bad directive or wrong number of arguments");
}

TEST_CASE("what needs quotes is no address to bind to, so that CONFIG REWRITE can write them all") {
  CHECK(Parse("bind").error.cause == "wrong number of arguments");
  CHECK(Parse("bind 10.0.0.1 fe80::1%eth0 -::* *").ok);
  CHECK(Parse("bind \"10.0.0.1 10.0.0.2\"").config.bind.size() == 2);
  CHECK(Parse("bind \"\"").config.bind.empty());
  CHECK(Parse("bind \"\" 10.0.0.1").error.cause == "Invalid bind address.");
  CHECK(Parse("bind \"10.0.0.1 10.0.0.2\" 10.0.0.3").error.cause == "Invalid bind address.");
  CHECK(Parse("bind \"\\\"\" 10.0.0.1").error.cause == "Invalid bind address.");
  CHECK(Parse("bind \"\\x01\"").error.cause == "Invalid bind address.");
}

TEST_CASE("memory sizes come in powers of 1000 and of 1024") {
  const auto bytes = [](const std::string& text) {
    return Parse("proto-max-bulk-len " + text).config.proto_max_bulk_len;
  };
  CHECK(bytes("2000000") == 2000000);
  CHECK(bytes("2000000b") == 2000000);
  CHECK(bytes("2000k") == 2000000);
  CHECK(bytes("2048KB") == 2 << 20);
  CHECK(bytes("3m") == 3000000);
  CHECK(bytes("3mb") == 3 << 20);
  CHECK(bytes("1g") == 1000000000);
  CHECK(bytes("1Gb") == 1 << 30);
  CHECK_FALSE(Parse("proto-max-bulk-len 99999999999g").ok);
}

TEST_CASE("a directive of Redis without effect is accepted, remembered and warned about") {
  const Parsed parsed = Parse("maxmemory-samples 7\nrename-command CONFIG \"\"\n");
  REQUIRE(parsed.ok);
  CHECK(parsed.warnings.size() == 2);
  CHECK(parsed.warnings[0] ==
        "WARNING: the directive 'maxmemory-samples' has no effect in kvserver");
  CHECK(parsed.config.without_effect.at("maxmemory-samples") == "7");
  CHECK(parsed.config.without_effect.at("rename-command") == "CONFIG \"\"");
}

TEST_CASE("what would be persisted is warned about, and switching it off is not") {
  CHECK(Parse("appendonly yes").warnings.size() == 1);
  CHECK(Parse("appendonly no").warnings.empty());
  CHECK(Parse("save 3600 1").warnings.empty());
  CHECK(Parse("save \"\"").warnings.empty());
}

TEST_CASE("save points of several lines add up, and an empty one drops them") {
  CHECK(Parse("save 3600 1\nsave 300 100").config.save == "3600 1 300 100");
  CHECK(Parse("save 3600 1\nsave \"\"\nsave 60 5").config.save == "60 5");
}

TEST_CASE("save points that are refused leave those that were there") {
  const Parsed parsed = Parse("save 0 1");
  CHECK_FALSE(parsed.ok);
  CHECK(parsed.config.save == Config().save);
}

TEST_CASE("a list may come as one quoted word") {
  CHECK(Parse("save \"3600 1 300 100\"").config.save == "3600 1 300 100");
  CHECK(
      Parse("client-output-buffer-limit 'normal 8mb 0 0'").config.output_limit_normal.hard_bytes ==
      8 << 20);
}

TEST_CASE("both names of a directive set it") {
  CHECK(Parse("cluster-slave-validity-factor 3").config.cluster_replica_validity_factor == 3);
  CHECK(Parse("cluster-replica-validity-factor 4").config.cluster_replica_validity_factor == 4);
}

TEST_CASE("each directive gives back the text that sets it") {
  for (const Directive& directive : Directives()) {
    CAPTURE(std::string(directive.name));
    const Config defaults;
    const std::string value = directive.get(defaults);
    const std::string line =
        std::string(directive.name) + " " +
        (directive.many_arguments && !value.empty() ? value : QuoteIfNeeded(value));
    const Parsed parsed = Parse(line);
    REQUIRE(parsed.ok);
    CHECK(directive.get(parsed.config) == value);
    CHECK_FALSE(IsRedisDirective(directive.name));
  }
}

TEST_CASE("command line arguments become configuration text") {
  CHECK(FromArguments({"--port", "7000", "--bind", "127.0.0.1", "::1"}) ==
        "port \"7000\" \nbind \"127.0.0.1\" \"::1\" ");
  CHECK(FromArguments({"a.conf", "--port", "7000"}) == "a.conf|port \"7000\" ");
  CHECK(FromArguments({"--save", ""}) == "save \"\" ");
  CHECK(FromArguments({"--save", "--port", "1"}) == "save \"\"\nport \"1\" ");
  CHECK(FromArguments({"--save"}) == "save \"\"");
  CHECK(FromArguments({"--port 7000", "--hz", "20"}) == "port 7000 \nhz \"20\" ");
  // A value may look like a directive when its own directive has none yet.
  CHECK(FromArguments({"--requirepass", "--x", "--port", "1"}) ==
        "requirepass \"--x\" \nport \"1\" ");
}

TEST_CASE("included files are read in place") {
  const TestDirectory directory;
  const std::string inner = directory.Write("inner.conf", "port 7001\ntimeout 5\n");
  const Parsed parsed = Parse("port 7000\ninclude " + inner + "\ntimeout 6\n");
  REQUIRE(parsed.ok);
  CHECK(parsed.config.port == 7001);
  CHECK(parsed.config.timeout == 6);
}

TEST_CASE("a fault in an included file is described with its own line") {
  const TestDirectory directory;
  const std::string inner = directory.Write("inner.conf", "\nport x\n");
  const Parsed parsed = Parse("port 7000\n\n\ninclude " + inner + "\n");
  REQUIRE_FALSE(parsed.ok);
  CHECK(parsed.error.line == 2);
  CHECK_FALSE(Parse("include /nonexistent/file").ok);
}

TEST_CASE("a file that includes itself is refused") {
  const TestDirectory directory;
  const std::string path = directory.path() + "/loop.conf";
  directory.Write("loop.conf", "include " + path + "\n");
  CHECK_FALSE(Parse("include " + path).ok);
}

TEST_CASE("CONFIG REWRITE keeps comments, changes what changed and appends the rest") {
  const TestDirectory directory;
  const std::string path = directory.Write(
      "kv.conf", "# mine\nport 7000\ntimeout 5\n\ntimeout 6\nmaxmemory-samples 1\nhz 10\n");
  Parsed parsed = Parse(directory.Read(path));
  REQUIRE(parsed.ok);
  parsed.config.config_file = path;
  parsed.config.timeout = 7;
  parsed.config.requirepass = "a b";
  parsed.config.save = "60 1";
  parsed.config.without_effect["maxmemory-samples"] = "2";
  REQUIRE(RewriteConfigFile(parsed.config).ok());
  CHECK(directory.Read(path) ==
        "# mine\nport 7000\ntimeout 7\n\nmaxmemory-samples 2\nhz 10\n"
        "# Generated by CONFIG REWRITE\nrequirepass \"a b\"\nsave 60 1\n");
  const Parsed again = Parse(directory.Read(path));
  CHECK(again.config.requirepass == "a b");
  REQUIRE(RewriteConfigFile(parsed.config).ok());
  CHECK(directory.Read(path).find("Generated") == directory.Read(path).rfind("Generated"));
}

TEST_CASE("words for the node are checked as Redis checks them") {
  const auto cause = [](const std::string& line) { return Parse(line).error.cause; };
  CHECK(Parse("cluster-announce-hostname a-b.example").ok);
  CHECK(Parse("cluster-announce-hostname \"\"").ok);
  CHECK(cause("cluster-announce-hostname a_b").find("alphanumeric characters, hyphens or dots") !=
        std::string::npos);
  CHECK(cause("cluster-announce-hostname " + std::string(256, 'h'))
            .find("less than 256 characters") != std::string::npos);
  CHECK(cause("cluster-announce-human-nodename a@b").find("contained invalid character") !=
        std::string::npos);
  CHECK(Parse("cluster-preferred-endpoint-type HOSTNAME").config.cluster_preferred_endpoint_type ==
        EndpointType::kHostname);
  CHECK(Parse("cluster-voting witness").config.cluster_voting == clusterkit::Voting::kWitness);
  CHECK(cause("cluster-voting never").find("with-slots, always, witness") != std::string::npos);
  CHECK(cause("cluster-preferred-endpoint-type name").find("ip, hostname, unknown-endpoint") !=
        std::string::npos);
}

}  // namespace
}  // namespace kv
