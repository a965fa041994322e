// The only file that includes cpp-httplib, which is large.

#include "kvserver/http_endpoint.h"

#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/bounded_stream.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr size_t kThreads = 2;
// Connections that wait for a thread. Beyond them the kernel keeps some more, and refuses others.
constexpr size_t kMaxWaiting = 16;
constexpr size_t kMaxRequestBytes = 8192;
// For a whole request with its answer.
constexpr std::chrono::seconds kMaxTime{5};

// The library's own queue has no bound. This one lets the thread that accepts wait.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  BoundedQueue() {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Work(); });
  }
  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.size() < kMaxWaiting; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ended_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      changed_.notify_all();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

// One request on each connection, within bounds.
class BoundedServer final : public httplib::Server {
 public:
  void Stop() {
    stopping_ = true;
    stop();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    bool done = false;
    try {
      BoundedStream stream(socket, kMaxRequestBytes, kMaxTime, &stopping_);
      bool closed = false;
      done = process_request(stream, /*close_connection=*/true, closed, nullptr);
    } catch (...) {
      // Whatever a request can make the parser throw, it is over.
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return done;
  }

  std::atomic<bool> stopping_ = false;
};

uint64_t SinceOf(const httplib::Request& request) {
  int64_t since = 0;
  const std::string text = request.get_param_value("since");
  return ParseInt(text, &since) && since > 0 ? static_cast<uint64_t>(since) : 0;
}

class Endpoint final : public HttpEndpoint {
 public:
  explicit Endpoint(std::vector<Page> pages) : pages_(std::move(pages)) {
    server_.new_task_queue = [] { return new BoundedQueue(); };
    server_.set_payload_max_length(kMaxRequestBytes);
    // The library's own choice is SO_REUSEPORT, which lets two servers share a port, each answering
    // some requests, and does not let a port be used that somebody else closed a moment ago.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_default_headers({{"Cache-Control", "no-store"},
                                 {"X-Content-Type-Options", "nosniff"},
                                 {"Referrer-Policy", "no-referrer"},
                                 {"Content-Security-Policy",
                                  "default-src 'none'; style-src 'unsafe-inline'; "
                                  "script-src 'unsafe-inline'; connect-src 'self'; "
                                  "img-src data:; frame-ancestors 'none'"}});
    for (const Page& page : pages_) {
      server_.Get(page.path, [&page](const httplib::Request& request, httplib::Response& response) {
        if (std::optional<std::string> content = page.content(SinceOf(request))) {
          response.set_content(*std::move(content), page.content_type);
        } else {
          response.status = 503;
          response.set_content("not available now\n", "text/plain");
        }
      });
    }
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      response.set_content(absl::StrCat("error ", response.status, "\n"), "text/plain");
    });
  }
  ~Endpoint() override {
    server_.Stop();
    if (thread_.joinable()) thread_.join();
  }

  bool Listen(const std::string& address, int port) {
    if (!server_.bind_to_port(address, port)) return false;
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // Otherwise stop() might come before there is something to stop.
    while (!server_.is_running()) std::this_thread::yield();
    return true;
  }

 private:
  const std::vector<Page> pages_;
  BoundedServer server_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(const std::string& address,
                                                                  int port,
                                                                  std::vector<Page> pages) {
  auto endpoint = std::make_unique<Endpoint>(std::move(pages));
  if (!endpoint->Listen(address, port)) {
    return absl::UnavailableError(
        absl::StrCat("Could not listen for HTTP on ", address, ":", port));
  }
  return endpoint;
}

}  // namespace kv
