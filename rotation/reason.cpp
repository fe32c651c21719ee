#include "rotation/reason.hpp"

#include <fmt/format.h>

namespace mxseal::rotation {

std::string Reason::sentence() const {
    std::string out = text;
    if (until) out += fmt::format(" {}", to_rfc3339(*until));
    if (base) {
        out += fmt::format(": {} {}", base_label, to_rfc3339(*base));
        for (const Term& term : terms) out += fmt::format(" {} {} {}", term.length < Duration{0} ? "-" : "+", term.label, mxseal::to_string(std::chrono::abs(term.length)));
    }
    if (!advice.empty()) out += "; " + advice;
    return out;
}

Reason because(std::string code, std::string text, std::string advice) {
    Reason reason;
    reason.code = std::move(code);
    reason.text = std::move(text);
    reason.advice = std::move(advice);
    return reason;
}

Reason wait_until(std::string code, std::string text, std::string base_label, Instant base, std::vector<Reason::Term> terms) {
    Reason reason = because(std::move(code), std::move(text));
    reason.base_label = std::move(base_label);
    reason.base = base;
    Instant end = base;
    for (Reason::Term& term : terms) {
        end += term.length;
        if (term.length != Duration{0}) reason.terms.push_back(std::move(term));
    }
    reason.until = end;
    return reason;
}

} // namespace mxseal::rotation
