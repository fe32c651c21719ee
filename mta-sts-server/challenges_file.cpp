#include "mta-sts-server/challenges_file.hpp"

#include "mta-sts-server/octets.hpp"
#include "mta-sts-server/served_name.hpp"
#include "mta-sts-server/snapshot_record.hpp"

#include <fmt/format.h>

namespace mxseal::server {

namespace {

constexpr std::string_view kHeadWord = "mxsealCH";
constexpr std::size_t kKeyAuthorizationMax = 512; // our choice: a token, a dot and 43 characters

Error wrong(std::string_view name, std::string_view why) { return Error(ErrorCode::invalid, fmt::format("the challenge of '{}' cannot be answered: {}", escape_untrusted(name, 80), why)); }
Error damaged(std::string_view why) { return Error(ErrorCode::invalid, fmt::format("the file of challenges is damaged: {}", why)); }

bool is_name(std::string_view text) { return served_name(text) == text; }

// RFC 8555 section 8.1: token, a dot, the thumbprint of the account's key in base64url.
bool is_key_authorization(std::string_view text, std::string_view token) {
    return text.size() <= kKeyAuthorizationMax && text.size() > token.size() && text.starts_with(token) && text[token.size()] == '.' && is_acme_token(text.substr(token.size() + 1));
}

Status check_http(std::string_view host, std::string_view token, std::string_view key_authorization) {
    if (!is_name(host)) return wrong(host, "this is no host name in lower case");
    if (!is_acme_token(token)) return wrong(host, "its token is not base64url text of at most 128 characters (RFC 8555 section 8.3)");
    if (!is_key_authorization(key_authorization, token)) return wrong(host, "its key authorization is not token.thumbprint (RFC 8555 section 8.1)");
    return done();
}

Status check_tls_alpn(std::string_view name, const Challenges::TlsAlpn& challenge) {
    if (!is_name(name)) return wrong(name, "this is no host name in lower case");
    if (challenge.certificate.empty() || challenge.certificate.size() > kChallengeCertificateMax) return wrong(name, fmt::format("its certificate is empty or longer than {} octets", kChallengeCertificateMax));
    if (challenge.key.scalar.reveal().size() != 32 || challenge.key.point[0] != 0x04) return wrong(name, "its key is no P-256 key pair");
    return done();
}

template <class Length>
void append_text(Bytes& out, std::string_view text) {
    append_number(out, static_cast<Length>(text.size()));
    append(out, view_of(text));
}

Status append_http(Bytes& out, const Challenges& challenges) {
    std::size_t count = 0;
    for (const auto& [host, tokens] : challenges.http) count += tokens.size();
    if (count > kChallengesMax) return Error(ErrorCode::invalid, fmt::format("{} challenges of http-01, more than {}", count, kChallengesMax));
    append_number(out, static_cast<std::uint32_t>(count));
    for (const auto& [host, tokens] : challenges.http)
        for (const auto& [token, key_authorization] : tokens) {
            if (auto checked = check_http(host, token, key_authorization); !checked) return checked;
            append_text<std::uint8_t>(out, host);
            append_text<std::uint8_t>(out, token);
            append_text<std::uint16_t>(out, key_authorization);
        }
    return done();
}

Status append_tls_alpn(Bytes& out, const Challenges& challenges) {
    if (challenges.tls_alpn.size() > kChallengesMax) return Error(ErrorCode::invalid, fmt::format("{} challenges of tls-alpn-01, more than {}", challenges.tls_alpn.size(), kChallengesMax));
    append_number(out, static_cast<std::uint32_t>(challenges.tls_alpn.size()));
    for (const auto& [name, challenge] : challenges.tls_alpn) {
        if (auto checked = check_tls_alpn(name, challenge); !checked) return checked;
        append_text<std::uint8_t>(out, name);
        append_counted(out, challenge.certificate);
        append(out, challenge.key.scalar.reveal());
        append(out, challenge.key.point);
    }
    return done();
}

Status read_http(Cursor& cursor, Challenges& out) {
    const auto count = cursor.number<std::uint32_t>();
    if (count > kChallengesMax) return damaged("too many challenges of http-01");
    std::pair<std::string, std::string> before; // host and token
    for (std::uint32_t i = 0; i < count; ++i) {
        auto host = to_text(cursor.take(cursor.number<std::uint8_t>()));
        auto token = to_text(cursor.take(cursor.number<std::uint8_t>()));
        auto key_authorization = to_text(cursor.take(cursor.number<std::uint16_t>()));
        if (cursor.failed()) return damaged("it is cut");
        if (auto checked = check_http(host, token, key_authorization); !checked) return checked;
        std::pair<std::string, std::string> now{host, token};
        if (i > 0 && now <= before) return damaged("its challenges are out of order");
        before = std::move(now);
        out.http[std::move(host)].emplace(std::move(token), std::move(key_authorization));
    }
    return done();
}

Status read_tls_alpn(Cursor& cursor, Challenges& out) {
    const auto count = cursor.number<std::uint32_t>();
    if (count > kChallengesMax) return damaged("too many challenges of tls-alpn-01");
    for (std::uint32_t i = 0; i < count; ++i) {
        auto name = to_text(cursor.take(cursor.number<std::uint8_t>()));
        const auto certificate = cursor.counted(kChallengeCertificateMax);
        const auto scalar = cursor.take(32);
        Challenges::TlsAlpn challenge{Bytes(certificate.begin(), certificate.end()), {Secret(Bytes(scalar.begin(), scalar.end())), {}}};
        cursor.fill(challenge.key.point);
        if (cursor.failed()) return damaged("it is cut");
        if (auto checked = check_tls_alpn(name, challenge); !checked) return checked;
        if (!out.tls_alpn.empty() && name <= out.tls_alpn.rbegin()->first) return damaged("its challenges are out of order");
        out.tls_alpn.emplace(std::move(name), std::move(challenge));
    }
    return done();
}

Bytes head() {
    Bytes out;
    append(out, view_of(kHeadWord));
    append_number(out, kChallengesFormat);
    append_number(out, std::uint32_t{0});
    return out;
}

// An octet string that never moves while keys are written into it leaves no copy of them behind.
std::size_t size_of(const Challenges& challenges) {
    std::size_t size = head().size() + 2 * sizeof(std::uint32_t) + kSumSize;
    for (const auto& [host, tokens] : challenges.http)
        for (const auto& [token, key_authorization] : tokens) size += host.size() + token.size() + key_authorization.size() + 4;
    for (const auto& [name, challenge] : challenges.tls_alpn) size += name.size() + challenge.certificate.size() + 5 + 32 + challenge.key.point.size();
    return size;
}

} // namespace

Result<Secret> pack_challenges(const Challenges& challenges) {
    Bytes out;
    out.reserve(size_of(challenges));
    append(out, head());
    auto packed = append_http(out, challenges);
    if (packed) packed = append_tls_alpn(out, challenges);
    if (packed) append(out, sha256(out));
    Secret octets(std::move(out)); // wiped whatever became of it
    if (!packed) return std::move(packed).error();
    return octets;
}

Result<Challenges> unpack_challenges(ByteView octets) {
    const auto expected = head();
    if (octets.size() < expected.size() + kSumSize || !std::equal(expected.begin(), expected.end(), octets.begin()))
        return Error(ErrorCode::invalid, fmt::format("this is no file of challenges of format {}; write it with the same version of mxseal", kChallengesFormat));
    const auto sum = sha256(octets.first(octets.size() - kSumSize));
    if (!std::equal(sum.begin(), sum.end(), octets.end() - kSumSize)) return damaged("its checksum does not match; replace it by rename, never in place");
    Cursor cursor(octets.subspan(expected.size(), octets.size() - expected.size() - kSumSize));
    Challenges challenges;
    if (auto read = read_http(cursor, challenges); !read) return std::move(read).error();
    if (auto read = read_tls_alpn(cursor, challenges); !read) return std::move(read).error();
    if (!cursor.complete()) return damaged("octets are left over");
    return challenges;
}

std::filesystem::path challenges_file_of(const std::filesystem::path& snapshot) {
    auto out = snapshot;
    out += ".challenges";
    return out;
}

Status write_challenges(const std::filesystem::path& file, const Challenges& challenges) {
    auto octets = pack_challenges(challenges);
    if (!octets) return std::move(octets).error();
    return replace_private(file, octets->reveal());
}

Result<std::shared_ptr<const Challenges>> read_challenges(const std::filesystem::path& file) {
    const auto in_context = [&](Error error) { return std::move(error).in_context(fmt::format("challenges {}", file.string())); };
    auto descriptor = open_private(file);
    if (!descriptor && descriptor.error().code() == ErrorCode::not_found) return std::make_shared<const Challenges>();
    if (!descriptor) return in_context(std::move(descriptor).error());
    auto read = read_whole(descriptor->get(), kChallengesFileMax);
    if (!read) return in_context(std::move(read).error());
    const Secret octets(std::move(read).value());
    auto challenges = unpack_challenges(octets.reveal());
    if (!challenges) return in_context(std::move(challenges).error());
    return std::make_shared<const Challenges>(std::move(challenges).value());
}

std::optional<Result<std::shared_ptr<const Challenges>>> ChallengesWatch::look() {
    const auto seen = mark_of(file_);
    if (seen_ == seen) return std::nullopt;
    seen_ = seen; // before it is read: what changes meanwhile is seen at the next look
    return read_challenges(file_);
}

} // namespace mxseal::server
