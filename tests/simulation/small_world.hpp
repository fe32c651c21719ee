// SmallWorld: the least world in which every rule of rotation::tlsa::step matters, as a value that can be copied, for enumeration.hpp:
// two hosts of a group, two keys each and the ones that follow, two name servers, two addresses a host.
//
// Looks (Observe, Probe, ReadFile, ValidateTime) and what cannot hurt (GenerateKey, ObtainCertificate) are answered at once with the truth,
// unless the answers are held back; writes and deployments wait until a move says what became of them. Caches are judged all at once: whatever
// orders of refills there are, a cache holds nothing but a version that a server handed out, until its TTL is over; a version is checked
// as long as some cache may hold it, so every order of refills of any number of caches is covered by one check.
#pragma once

#include "rotation/tlsa/step.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::small {

constexpr std::size_t kHosts = 2;
constexpr Ttl kTtl{300};
constexpr Instant kStill = Instant::max(); // a version that is handed out still

// What can happen next. The first letters of a story.
enum class What : std::uint8_t {
    time_passes,        // to the next wake of any host; hosts that are due at once are woken in order
    time_passes_back,   // the same, in the other order
    write_done,         // compare-and-swap on the primary, answered
    write_refused,      // nothing changed, answered
    write_unheard,      // done, the answer is lost
    write_late,         // the answer is lost, and it is still on its way
    late_write_arrives,
    deploy_done,        // file, and both addresses serve it
    deploy_halfway,     // file, the second address ignores the reload
    deploy_reload_fails, // file, no address takes it, and the reload says so
    deploy_refused,     // no file
    address_follows,    // an address takes the file after all
    secondary_lags,     // the second server takes no new version any more
    secondary_falls_back, // ... and answers with the version before
    secondary_follows,  // ... and is as the primary again
    address_gone,       // the second address cannot be reached
    address_back,
    answers_held,       // looks are made, their answers are on the way
    answers_arrive,
    killed_before,      // agent dead, nothing of what was under way done; started again from the stored state
    killed_after,       // ... files written and writes on their way
    asked_roll,
    asked_emergency,
    asked_back,
};
constexpr std::size_t kWhats = static_cast<std::size_t>(What::asked_back) + 1;
std::string_view to_string(What what);

struct Move {
    What what{};
    std::uint8_t host = 0; // where it matters
    bool operator==(const Move&) const = default;
};
std::string to_string(const Move& move);
std::string policy_name(std::size_t host); // "mx1.example.org"
rotation::Chain chain_of(const rotation::SpkiHash& key);

// Which promise a violation broke.
enum class Rule : std::uint8_t { no_gap, never_early, one_change, one_at_a_time, healthy_group, hash_retired, comes_to_rest, repeated };
constexpr std::size_t kRules = static_cast<std::size_t>(Rule::repeated) + 1;
std::string_view to_string(Rule rule);

struct Broken {
    Rule rule{};
    std::string text;
};

// A version that some cache may hold.
struct HandedOut {
    dns::TlsaSet records;
    Instant last{};            // handed out until then; far in the future: still
    bool foreign = false;      // by a server that fell back: counts once mxseal was shown it, or stood long enough to be seen by any look
    bool shown = false;
    Instant since{};
    std::uint64_t order = 0;   // of the move that brought it
};

struct Answers {               // of looks whose answers are held back
    std::optional<rotation::tlsa::DnsObservation> dns;
    std::optional<rotation::tlsa::ProbeRound> wire;
};

struct SmallHost {
    rotation::tlsa::HostState state;
    std::optional<Instant> wake;
    std::optional<Instant> last_switch;
    dns::TlsaSet primary, secondary, before;        // `before`: what the primary held before
    bool lags = false;
    std::vector<HandedOut> handed_out;              // those of the two servers are among them
    rotation::SpkiHash file;
    std::array<rotation::SpkiHash, 2> serving;      // by address
    bool gone = false, gone_shown = false;          // the second address
    std::optional<rotation::tlsa::WriteTlsa> write, late_write;
    std::optional<rotation::tlsa::Deploy> deploy;
    std::uint64_t deploy_order = 0;      // of the move in which it was decided
    bool held_back = false;
    Answers answers;
    std::set<rotation::SpkiHash> retired;
    int keys_made = 0;
};

class SmallWorld {
public:
    // Two hosts that mxseal sees for the first time; both were started.
    SmallWorld();

    std::vector<Move> moves() const;
    // What happens when nothing goes wrong; absent: nothing is left to happen but what somebody asks for.
    std::optional<Move> usual() const;
    // Checks everything after it.
    std::optional<Broken> make(const Move& move);

    // Equal for worlds with the same future: everything in it, instants counted from now.
    std::array<std::uint64_t, 2> fingerprint() const;
    bool steady() const;
    // Everything of the usual course was asked for and done.
    bool over() const;
    const SmallHost& host(std::size_t number) const { return hosts_[number]; }
    // Checks made by all worlds so far, by rule.
    static std::array<std::uint64_t, kRules>& checks();
    // Whether each event is given twice; in this thread, on at first. Mistakes that make the core forget are to be found by what they do.
    static bool& gives_twice();

private:
    static std::string document_of(const rotation::tlsa::HostState& state, std::size_t host);
    void give(std::size_t host, const rotation::tlsa::Event& event);
    void follow(std::size_t host, const rotation::tlsa::Decision& decision);
    void look_at_group(std::size_t host, bool changed);
    void answer_dns(std::size_t host, rotation::tlsa::DnsObservation seen);
    void answer_wire(std::size_t host, rotation::tlsa::ProbeRound seen);
    rotation::tlsa::DnsObservation observe(std::size_t host) const;
    rotation::tlsa::ProbeRound probe(std::size_t host) const;
    rotation::tlsa::Group group_of(std::size_t host) const;
    void begin_write(std::size_t host, const rotation::tlsa::WriteTlsa& write);
    void begin_deploy(std::size_t host, const rotation::tlsa::Deploy& deploy);
    bool write_now(std::size_t host, const rotation::tlsa::WriteTlsa& write);
    void put_file(std::size_t host, const rotation::tlsa::Deploy& deploy);
    void set_secondary(std::size_t host, const dns::TlsaSet& records, bool foreign);
    void hand_out(std::size_t host, const dns::TlsaSet& records, bool foreign);
    void stop_handing_out(std::size_t host, const dns::TlsaSet& records);
    void pass_time(bool backwards);
    void kill(bool after);
    void tell(const rotation::Note& note, std::size_t host);
    // The judge.
    void judge_keys(std::size_t host, const rotation::SpkiHash& new_key, std::uint64_t order, const char* act);
    void judge_version(std::size_t host, const dns::TlsaSet& base, const dns::TlsaSet& target, const char* act);
    void judge_early(std::size_t host, const rotation::SpkiHash& key, const char* what);
    void broken(Rule rule, std::string text);
    bool may_be_held(const HandedOut& version) const;
    bool counts(const HandedOut& version) const;

    Instant now_{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
    std::uint64_t order_ = 0;
    int answers_ = 0;          // in the move that is made
    std::size_t asked_ = 0;    // of what people ask for in the usual course
    std::array<SmallHost, kHosts> hosts_;
    std::optional<Broken> broken_;
};

} // namespace mxseal::small
