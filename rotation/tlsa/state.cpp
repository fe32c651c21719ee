#include "rotation/tlsa/state.hpp"

#include "rotation/tlsa/action.hpp"

namespace mxseal::rotation::tlsa {

std::string_view to_string(RollKind kind) { return kind == RollKind::planned ? "planned" : "emergency"; }

std::string_view to_string(DeployPurpose purpose) {
    switch (purpose) {
    case DeployPurpose::first: return "first";
    case DeployPurpose::renewal: return "renewal";
    case DeployPurpose::roll: return "roll";
    case DeployPurpose::back: return "back";
    case DeployPurpose::repair: return "repair";
    }
    return "";
}

std::string_view to_string(Task task) {
    switch (task) {
    case Task::observe: return "observe";
    case Task::probe: return "probe";
    case Task::read_file: return "read_file";
    case Task::generate: return "generate";
    case Task::certificate: return "certificate";
    case Task::write: return "write";
    case Task::deploy: return "deploy";
    case Task::validate_time: return "validate_time";
    case Task::renewal_info: return "renewal_info";
    }
    return "";
}

std::string_view to_string(Security security) {
    switch (security) {
    case Security::secure: return "secure";
    case Security::insecure: return "insecure";
    case Security::bogus: return "bogus";
    case Security::indeterminate: return "indeterminate";
    }
    return "";
}

namespace {

struct TaskOf {
    Task operator()(const Observe&) const { return Task::observe; }
    Task operator()(const Probe&) const { return Task::probe; }
    Task operator()(const ReadFile&) const { return Task::read_file; }
    Task operator()(const GenerateKey&) const { return Task::generate; }
    Task operator()(const ObtainCertificate&) const { return Task::certificate; }
    Task operator()(const WriteTlsa&) const { return Task::write; }
    Task operator()(const Deploy&) const { return Task::deploy; }
    Task operator()(const ValidateTime&) const { return Task::validate_time; }
    Task operator()(const AskRenewalInfo&) const { return Task::renewal_info; }
};

} // namespace

Task task_of(const Action& action) { return std::visit(TaskOf{}, action); }

const Key* find_key(const HostState& state, const SpkiHash& spki) {
    for (const Key& key : state.keys)
        if (key.spki == spki) return &key;
    return nullptr;
}

Key* find_key(HostState& state, const SpkiHash& spki) { return const_cast<Key*>(find_key(std::as_const(state), spki)); }

const Line* find_line(const HostState& state, Algorithm algorithm) {
    for (const Line& line : state.lines)
        if (line.algorithm == algorithm) return &line;
    return nullptr;
}

Line* find_line(HostState& state, Algorithm algorithm) { return const_cast<Line*>(find_line(std::as_const(state), algorithm)); }

} // namespace mxseal::rotation::tlsa
