// Problem documents, orders and authorizations: what a CA answers.
#include "agent/acme/order_state.hpp"
#include "agent/acme/problem.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mxseal;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto problem = agent::parse_problem(400, text);
    if (agent::to_error(problem, "asking").to_string().find('\n') != std::string::npos) std::abort();
    agent::parse_retry_after(text, from_unix_ms(1'795'348'800'000));
    auto document = Json::parse(text);
    if (!document) return 0;
    agent::OrderState state = agent::order_from_json(*document);
    if (agent::absorb_order(state, *document, "https://ca.example/order/1") && state.url.empty()) std::abort();
    static const std::vector<dns::Name> names{dns::Name::parse("mx1.example.org").value()};
    for (std::size_t i = 0; i < state.authorizations.size(); ++i)
        if (!agent::absorb_authorization(state, i, *document, names, "thumbprint")) break;
    agent::next_step(state);
    return 0;
}
