// The certificate of one endpoint name, mta-sts.<domain>: when it is ordered and renewed, when its failing is an alarm (C-27).
//
// A pure function, as rotation/tlsa: (state, event, now, policy) -> (next state, actions, wake time, reason). Total: any event in any
// state gives a decision, and an answer that comes twice changes nothing.
#pragma once

#include "rotation/decision.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mxseal::rotation::mta_sts {

enum class SiteAlarm { none, warning, critical };
std::string_view to_string(SiteAlarm alarm);

struct SitePolicy {
    double spread = 0;                              // 0..1, of the name: its place in each window, so that not all take their turn at once
};
// The spread of a name: the same in every process.
double spread_of(std::string_view domain);

struct SiteState {
    // Stored.
    std::optional<Instant> not_before, not_after;   // of the certificate that is there
    unsigned failures = 0;                          // orders since the last good one
    std::optional<Instant> again;                   // no order before
    std::string trouble;                            // why the last order failed
    // Of this process: after a start they are found anew.
    bool ordering = false;                          // an order is under way
    bool served = false;                            // in the snapshot that is served
    std::optional<Instant> fetched_at, failing_since; // as whoever keeps its policy tells
    std::string fetch_trouble;                      // why the last fetch failed; empty: it did not
    SiteAlarm alarm = SiteAlarm::none;              // as told last
};

struct SiteTimeReached {};
struct CertificateIssued { Instant not_before, not_after; };
struct OrderFailed {
    Failure failure;
    bool was_asked = true;                          // the CA; false: the name leads nowhere, so no order was made (E-24)
};
struct SiteServed {};                               // a snapshot with it is in place
struct SiteWithdrawn {};                            // it is in no snapshot any more
struct PolicyFetched {};                            // over HTTPS, as a sender does, and it was the body that is served
struct PolicyFetchFailed { std::string sentence; };
using SiteEvent = std::variant<SiteTimeReached, CertificateIssued, OrderFailed, SiteServed, SiteWithdrawn, PolicyFetched, PolicyFetchFailed>;

struct SiteDecision {
    bool order = false;                             // a certificate, under a new key: nobody pins it -> CertificateIssued or OrderFailed
    std::vector<Note> notes;                        // site.certificate, site.order_failed, site.fetch_failed, site.alarm, site.recovered
    std::optional<Instant> wake;
    bool store = false;                             // the stored half changed
};

SiteDecision step(SiteState& state, const SiteEvent& event, Instant now, const SitePolicy& policy);

// From when on the certificate is renewed: between a half and 5/8 of its lifetime, so that an order of hours is over before C-27 warns at 2/3.
std::optional<Instant> renewal_of(const SiteState& state, const SitePolicy& policy);
// C-27. What the alarm is about, in `reason_of`.
SiteAlarm alarm_of(const SiteState& state, Instant now);
// Why the certificate is as it is, and what comes next, for `status` and the log.
Reason reason_of(const SiteState& state, Instant now, const SitePolicy& policy);

} // namespace mxseal::rotation::mta_sts
