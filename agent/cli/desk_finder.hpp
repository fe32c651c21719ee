// DeskFinder: the desk of the moment. While a command follows something, the agent may stop (the store answers then) or come.
#pragma once

#include "agent/runtime/desk.hpp"

#include <functional>
#include <memory>

namespace mxseal::cli {

class DeskFinder {
public:
    using Find = std::function<Result<std::unique_ptr<agent::Desk>>()>;
    using Question = std::function<Result<Json>(agent::Desk&)>;
    explicit DeskFinder(Find find) : find_(std::move(find)) {}

    // For what changes something: asked once, and the desk is let go, for one on the store holds the lease that an agent may want.
    Result<Json> request(const Json& body);
    // For what only reads: a desk that is gone (not_found, transient) is looked for once more.
    Result<Json> read(const Question& question);

private:
    Result<Json> ask(const Question& question);
    Find find_;
    std::unique_ptr<agent::Desk> desk_;
};

} // namespace mxseal::cli
