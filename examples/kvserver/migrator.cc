#include "kvserver/migrator.h"

#include <algorithm>
#include <utility>

#include "kvserver/loop_handles.h"
#include "kvserver/server.h"

namespace kv {
Migrator::Migrator(Server& server) : server_(server) {
  server.AddCron([this] { Cron(); });
}

void Migrator::Begin(Client& client, MigrateRequest request) {
  client.Block();
  MigrateTransfer::Owner& owner = *this;
  auto transfer = std::make_unique<MigrateTransfer>(server_, owner, client.id, std::move(request));
  if (transfers_.size() >= kMaxLinks) {
    waiting_.push_back(std::move(transfer));
    return;
  }
  transfers_.push_back(std::move(transfer));
  transfers_.back()->Start();
}

std::unique_ptr<TargetLink> Migrator::LinkTo(const MigrateRequest& request, bool fresh) {
  const auto leads_there = [&request](const std::unique_ptr<TargetLink>& link) {
    return link->LeadsTo(request.host, request.port) && !link->lost();
  };
  // What was wrong with one of them may be so with all.
  if (fresh) std::erase_if(kept_, leads_there);
  const auto found = std::find_if(kept_.begin(), kept_.end(), leads_there);
  if (found != kept_.end()) {
    std::unique_ptr<TargetLink> link = std::move(*found);
    kept_.erase(found);
    return link;
  }
  if (transfers_.size() + kept_.size() > kMaxLinks && !kept_.empty()) kept_.erase(kept_.begin());
  return std::make_unique<TargetLink>(server_.loop(), request.host, request.port);
}

void Migrator::OnEnd(MigrateTransfer& transfer, std::unique_ptr<TargetLink> link) {
  const auto is_it = [&transfer](const std::unique_ptr<MigrateTransfer>& each) {
    return each.get() == &transfer;
  };
  std::unique_ptr<MigrateTransfer> ended;
  if (const auto found = std::find_if(transfers_.begin(), transfers_.end(), is_it);
      found != transfers_.end()) {
    ended = std::move(*found);
    transfers_.erase(found);
  } else if (const auto late = std::find_if(waiting_.begin(), waiting_.end(), is_it);
             late != waiting_.end()) {
    ended = std::move(*late);
    waiting_.erase(late);
  }
  if (link != nullptr && !link->lost()) {
    link->idle_since_ms = NowMs();
    kept_.push_back(std::move(link));
  }
  if (!waiting_.empty() && transfers_.size() < kMaxLinks) {
    transfers_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    transfers_.back()->Start();
  }
  server_.ReleaseHeld();
  ended->Answer();
}

void Migrator::Cron() {
  std::erase_if(kept_, [now = NowMs()](const std::unique_ptr<TargetLink>& link) {
    return link->lost() || now - link->idle_since_ms > kMaxIdleMs;
  });
}

}  // namespace kv
