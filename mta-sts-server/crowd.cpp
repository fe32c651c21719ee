#include "mta-sts-server/crowd.hpp"

#include <algorithm>

namespace mxseal::server {

std::size_t Crowd::queue_of(Connection::Phase phase) {
    using Phase = Connection::Phase;
    switch (phase) {
    case Phase::hello:
    case Phase::handshake: return in_handshake;
    case Phase::head: return in_head;
    case Phase::answer:
    case Phase::linger:
    case Phase::closed: return in_answer;
    }
    return in_answer;
}

Duration Crowd::limit_of(std::size_t queue) const { return queue == in_handshake ? limits_.handshake : queue == in_head ? limits_.header : limits_.answer; }

Client& Crowd::add(FileDescriptor socket, Door door, AddressKey address, std::size_t held, Duration now) {
    auto& queue = clients_[door == Door::https ? in_handshake : in_head];
    Client& client = queue.emplace_back(std::move(socket), door, address, now);
    client.queue_ = queue_of(client.connection.phase());
    client.place_ = std::prev(queue.end());
    client.ends_ = now + limit_of(client.queue_);
    client.rank_ = std::clamp<std::size_t>(held, 1, kRanks) - 1;
    return client;
}

void Crowd::note_phase(Client& client, Duration now) {
    const auto next = queue_of(client.connection.phase());
    if (next == client.queue_) return;
    clients_[next].splice(clients_[next].end(), clients_[client.queue_], client.place_);
    client.queue_ = next;
    client.ends_ = now + limit_of(next);
}

void Crowd::remove(Client& client) {
    wait_no_longer(client);
    dead_.splice(dead_.end(), clients_[client.queue_], client.place_);
}

void Crowd::let_wait(Client& client) {
    if (client.wait_) return;
    auto& newcomers = newcomers_[client.rank_];
    client.wait_ = newcomers.insert(newcomers.end(), &client);
    ++waiting_;
}

void Crowd::wait_no_longer(Client& client) {
    if (!client.wait_) return;
    newcomers_[client.rank_].erase(*client.wait_);
    client.wait_.reset();
    --waiting_;
}

Client* Crowd::next_newcomer() {
    const auto first = std::find_if(newcomers_.begin(), newcomers_.end(), [](const auto& newcomers) { return !newcomers.empty(); });
    if (first == newcomers_.end()) return nullptr;
    Client* const client = first->back();
    wait_no_longer(*client);
    return client;
}

Client* Crowd::first() {
    Client* first = nullptr;
    for (auto& queue : clients_)
        if (!queue.empty() && (first == nullptr || queue.front().came < first->came)) first = &queue.front();
    return first;
}

Client* Crowd::late(Duration now) {
    for (auto& queue : clients_)
        if (!queue.empty() && queue.front().ends_ <= now) return &queue.front();
    return nullptr;
}

std::optional<Duration> Crowd::next_end() const {
    std::optional<Duration> next;
    for (const auto& queue : clients_)
        if (!queue.empty() && (!next || queue.front().ends_ < *next)) next = queue.front().ends_;
    return next;
}

} // namespace mxseal::server
