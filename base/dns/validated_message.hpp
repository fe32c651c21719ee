// ValidatedMessage: a message in ldns' form with the keys and the instant to judge it by. Only for .cpp files of base/dns.
#pragma once

#include "base/dns/dnssec.hpp"
#include "base/dns/ldns_handles.hpp"

namespace mxseal::dns {

struct FreeList { void operator()(ldns_rr_list* list) const { ldns_rr_list_deep_free(list); } };
using RrList = std::unique_ptr<ldns_rr_list, FreeList>;

Rr rr_of(const Record& record); // nothing when the rdata does not parse
Rdf dname_of(const Name& name);
std::string text_of_dname(const ldns_rdf* dname);

class ValidatedMessage {
public:
    static Result<ValidatedMessage> open(const Message& message, const ZoneKeys& keys, Instant now);

    struct Checked {
        SignatureCheck check;
        int labels = 0; // of the signature that verifies: fewer than the owner's when a wildcard was expanded
    };
    // The RRset of one owner and type in one section; empty when it is not there.
    RrList rrset(const ldns_rdf* owner, ldns_rr_type type, ldns_pkt_section section) const;
    Checked verify(const ldns_rr_list* rrset);

    const ldns_pkt* packet() const { return packet_.get(); }
    const ldns_rdf* zone() const { return zone_.get(); }

private:
    ValidatedMessage() = default;
    void weigh(const ldns_rr_list* rrset, const ldns_rr* rrsig, Checked& best);
    std::optional<std::string> objection(const ldns_rr_list* rrset, const ldns_rr* rrsig) const;
    RrList keys_for(const ldns_rr* rrsig) const;

    Packet packet_;
    Rdf zone_;
    RrList keys_;
    Instant now_{};
    int verifications_left_ = 0;
};

// The labels of an owner as RFC 4034 section 3.1.3 counts them: without the root and without a leading "*".
int signed_labels(const ldns_rdf* owner);

} // namespace mxseal::dns
