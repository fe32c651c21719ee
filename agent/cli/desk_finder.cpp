#include "agent/cli/desk_finder.hpp"

namespace mxseal::cli {

Result<Json> DeskFinder::ask(const Question& question) {
    if (!desk_) {
        auto found = find_();
        if (!found) return std::move(found).error();
        desk_ = std::move(found).value();
    }
    auto answer = question(*desk_);
    // An agent may be gone, or have come: look anew next time.
    if (!answer) desk_.reset();
    return answer;
}

Result<Json> DeskFinder::request(const Json& body) {
    desk_.reset();
    auto answer = ask([&](agent::Desk& desk) { return desk.request(body); });
    desk_.reset();
    return answer;
}

Result<Json> DeskFinder::read(const Question& question) {
    auto answer = ask(question);
    if (answer) return answer;
    const auto code = answer.error().code();
    return code == ErrorCode::not_found || code == ErrorCode::transient ? ask(question) : std::move(answer);
}

} // namespace mxseal::cli
