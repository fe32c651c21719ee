// When the CA wants certificates renewed (RFC 9773, E-13): asking, and what its answer changes. A window moves the renewal of one
// certificate, under the same key, and nothing else: keys change by rolls alone.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

using namespace std::chrono_literals;

// RFC 9773 section 4.3.2: what a CA may ask for as Retry-After.
constexpr Duration kAskLeast = 1min, kAskMost = 24h;
// RFC 9773 section 4.3.3: without a usable answer.
constexpr Duration kAskAfterNothing = 6h;
// Our choice: a CA whose windows are always over, whatever it issues, is asked for one certificate a day.
constexpr Duration kAgeLeast = 24h;

// RFC 9773 section 4.2: a window that does not end after its start is none.
bool is_valid(const RenewalWindow& window) { return window.start < window.end; }

Duration ask_after(const RenewalInfoTold& told) {
    const Duration wanted = std::clamp(told.retry_after.value_or(kAskAfterNothing), kAskLeast, kAskMost);
    return told.window && is_valid(*told.window) ? wanted : std::max(wanted, kAskAfterNothing);
}

std::string trouble_of(const RenewalInfoTold& told) {
    if (!told.window || is_valid(*told.window)) return told.trouble;
    return fmt::format("its window from {} to {} has no length", to_rfc3339(told.window->start), to_rfc3339(told.window->end));
}

void note_window(Context& context, const Key& key, const RenewalInfoTold& told) {
    const Renewal& renewal = *key.renewal;
    const auto due = certificate_due_at(key, context.policy).value_or(*renewal.at);
    const auto explained = told.explanation.empty() ? std::string() : "; the CA explains: " + told.explanation;
    context.note("certificate.window",
                 {{"key", key.spki.hex()}, {"start", to_rfc3339(renewal.window->start)}, {"end", to_rfc3339(renewal.window->end)}, {"renewed_from", to_rfc3339(due)}, {"explanation", told.explanation}},
                 fmt::format("the CA wants the certificate of key {} renewed between {} and {}: renewed with the same key from {}{}", key.spki.short_hex(), to_rfc3339(renewal.window->start),
                             to_rfc3339(renewal.window->end), to_rfc3339(due), explained));
}

// When the CA is asked about the key's certificate; absent: never, as things are.
std::optional<Instant> ask_at(const Key& key, Instant now) {
    // E-13: nothing is asked about a certificate that has expired, or that no CA issued.
    if (!key.chain || key.chain->self_signed || now >= key.chain->not_after) return std::nullopt;
    const Renewal* renewal = renewal_of(key);
    // An instant beyond the longest pause was reckoned by a clock that ran ahead.
    if (renewal == nullptr || renewal->ask_again > now + kAskMost) return now;
    return renewal->ask_again;
}

} // namespace

const Renewal* renewal_of(const Key& key) {
    return key.chain && key.renewal && key.renewal->certificate == leaf_digest(*key.chain) ? &*key.renewal : nullptr;
}

void apply(Context& context, const RenewalInfoTold& event) {
    context.state.under_way.erase(Task::renewal_info);
    Key* key = find_key(context.state, event.key);
    if (key == nullptr || !key->chain || leaf_digest(*key->chain) != event.certificate) return; // replaced meanwhile
    if (renewal_of(*key) == nullptr) key->renewal = Renewal{event.certificate, std::nullopt, std::nullopt, {}, {}};
    Renewal& renewal = *key->renewal;
    renewal.ask_again = context.now + ask_after(event);
    const auto trouble = trouble_of(event);
    if (!trouble.empty() && renewal.trouble.empty())
        context.note("certificate.window_unknown", {{"key", key->spki.hex()}},
                     fmt::format("the CA does not say when it wants the certificate of key {} renewed: {}; asked again at {}", key->spki.short_hex(), trouble, to_rfc3339(renewal.ask_again)));
    renewal.trouble = trouble;
    // What was told last stays in force while the CA says nothing, and the instant drawn in it while the window is the same.
    if (!event.window || !is_valid(*event.window) || renewal.window == event.window) return;
    renewal.window = event.window;
    renewal.at = std::clamp(event.drawn, event.window->start, event.window->end);
    note_window(context, *key, event);
}

void keep_asking(Context& context) {
    if (!context.policy.asks_renewal_info) return;
    for (const Key& key : context.state.keys) {
        const bool in_use = std::any_of(context.state.lines.begin(), context.state.lines.end(), [&](const Line& line) {
            return line.current == key.spki || std::find(line.next.begin(), line.next.end(), key.spki) != line.next.end();
        });
        const auto at = in_use ? ask_at(key, context.now) : std::nullopt;
        if (!at) continue;
        context.wake_at(*at);
        if (*at <= context.now && context.idle(Task::renewal_info)) context.start(AskRenewalInfo{key.spki, leaf_digest(*key.chain)});
    }
}

Instant renewal_due_at(const Key& key, Instant own) {
    const Renewal* renewal = renewal_of(key);
    if (renewal == nullptr || !renewal->at || planted(Mistake::renewal_window_ignored)) return own;
    const Chain& chain = *key.chain;
    // Our choice: whatever the CA says, half of the time that E-14 leaves for renewing stays.
    const Instant latest = own + (chain.not_after - own) / 2;
    return std::min(std::max(*renewal->at, chain.not_before + kAgeLeast), latest);
}

Reason renewal_due(const Key& key, Instant due) {
    const Renewal* renewal = renewal_of(key);
    if (renewal == nullptr || renewal->at != due)
        return wait_until("plan.renewal", "due at", "not after", key.chain->not_after, {{"time left for renewing", due - key.chain->not_after}});
    return wait_until("plan.renewal", fmt::format("the CA wants it by {}; due at", to_rfc3339(renewal->window->end)), "start of the CA's window", renewal->window->start,
                      {{"drawn in it", due - renewal->window->start}});
}

} // namespace mxseal::rotation::tlsa
