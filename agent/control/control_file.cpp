#include "agent/control/control_file.hpp"

#include "base/json.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

// Ours has under 200 octets; more is not ours.
constexpr std::size_t kFileMax = 4096;

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

Error failed(const char* what, const std::filesystem::path& where, int number, const char* next) {
    return Error(ErrorCode::io, fmt::format("{} {}: {}; {}", what, where.string(), std::strerror(number), next));
}

Secret text_of(const ControlFile& content) {
    auto token = to_text(content.token.reveal());
    return Secret(fmt::format("{{\"port\":{},\"token\":\"{}\",\"pid\":{}}}\n", content.port, token, content.pid));
}

Status write_all(int descriptor, const std::filesystem::path& file, ByteView bytes) {
    // write(2) may take less than it is given; each round moves at least one octet.
    while (!bytes.empty()) {
        auto written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return failed("writing", file, errno, "free space there");
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return done();
}

// Run by root, the file must still be readable for the user who owns the folder, like the database.
Status own_as_folder(int descriptor, const std::filesystem::path& file) {
    struct stat folder{};
    if (::geteuid() != 0 || ::stat(file.parent_path().c_str(), &folder) != 0) return done();
    if (::fchown(descriptor, folder.st_uid, folder.st_gid) != 0) return failed("giving to the owner of its folder", file, errno, "run mxseal as that user");
    return done();
}

Result<ControlFile> parse(ByteView bytes, const std::filesystem::path& file) {
    auto json = Json::parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    const auto broken = Error(ErrorCode::invalid, fmt::format("{} is no file of mxseal's control API; stop the agent, remove it, start the agent", file.string()));
    if (!json) return broken;
    auto port = (*json)["port"].as_integer();
    auto token = (*json)["token"].as_string();
    auto pid = (*json)["pid"].as_integer();
    if (!port || *port < 1 || *port > 65535 || !token || token->size() != 64 || !pid || *pid < 1) return broken;
    return ControlFile{static_cast<std::uint16_t>(*port), Secret(std::string_view(*token)), static_cast<pid_t>(*pid), 0};
}

Status check_private(const struct stat& facts, const std::filesystem::path& file) {
    if (S_ISREG(facts.st_mode) && (facts.st_mode & 077) == 0) return done();
    return Error(ErrorCode::refused, fmt::format("{} is not a file of mode 0600, so its token is not secret; stop the agent, remove it, start the agent", file.string()));
}

} // namespace

std::filesystem::path control_file_path(const std::filesystem::path& state) { return state / "control.json"; }

Status write_control_file(const std::filesystem::path& state, const ControlFile& content) {
    const auto file = control_file_path(state);
    const auto beside = state / ".control.json.new";
    ::unlink(beside.c_str()); // of an agent that was killed here
    Descriptor descriptor(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (descriptor.get() < 0) return failed("making", beside, errno, "make the state folder writable for the user of mxseal, or free space there");
    if (::fchmod(descriptor.get(), 0600) != 0) return failed("setting the mode of", beside, errno, "check the state folder");
    if (auto owned = own_as_folder(descriptor.get(), beside); !owned) return owned;
    const Secret text = text_of(content);
    if (auto written = write_all(descriptor.get(), beside, text.reveal()); !written) return written;
    // No fsync: after a crash of the machine there is no agent that the file could speak of.
    if (::rename(beside.c_str(), file.c_str()) != 0) return failed("renaming into", file, errno, "check the state folder");
    return done();
}

Result<std::optional<ControlFile>> read_control_file(const std::filesystem::path& state) {
    const auto file = control_file_path(state);
    Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (descriptor.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<ControlFile>();
    if (descriptor.get() < 0) return failed("opening", file, errno, "run this command as root or as the user of mxseal");
    struct stat facts{};
    if (::fstat(descriptor.get(), &facts) != 0) return failed("looking at", file, errno, "check the disk");
    if (auto is_private = check_private(facts, file); !is_private) return std::move(is_private).error();
    Bytes bytes(kFileMax);
    auto count = ::read(descriptor.get(), bytes.data(), bytes.size()); // a regular file of this size comes in one piece
    if (count < 0) return failed("reading", file, errno, "check the disk");
    bytes.resize(static_cast<std::size_t>(count));
    const Secret text(std::move(bytes));
    auto content = parse(text.reveal(), file);
    if (!content) return std::move(content).error();
    content->owner = facts.st_uid;
    return std::optional(std::move(content).value());
}

void remove_control_file(const std::filesystem::path& state, const ControlFile& content) {
    auto found = read_control_file(state);
    if (!found || !*found || !(*found)->token.equals(content.token.reveal())) return;
    ::unlink(control_file_path(state).c_str());
}

} // namespace mxseal::agent
