#include "agent/keys/sealer.hpp"

#include "base/file_descriptor.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kKeyBytes = 32;   // AES-256
constexpr std::size_t kNonceBytes = 12; // NIST SP 800-38D section 8.2.2
constexpr std::size_t kTagBytes = 16;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

Error io_failure(const std::filesystem::path& file, std::string_view what) {
    int number = errno;
    ErrorCode code = number == ENOENT ? ErrorCode::not_found : ErrorCode::io;
    return Error(code, fmt::format("the sealing key {} {}: {}", file.string(), what, std::strerror(number)));
}

// G-01: nobody but the owner reads it. systemd gives a credential to a service's user by an access list, which shows as a
// group bit of root's group.
Status check_mode(int descriptor, const std::filesystem::path& file) {
    struct stat facts {};
    if (fstat(descriptor, &facts) != 0) return io_failure(file, "cannot be read");
    if (!S_ISREG(facts.st_mode)) return Error(ErrorCode::invalid, fmt::format("the sealing key {} is not a file", file.string()));
    bool open_to_group = (facts.st_mode & 0030) != 0 || ((facts.st_mode & 0040) != 0 && facts.st_gid != 0);
    if ((facts.st_mode & 0007) != 0 || open_to_group)
        return Error(ErrorCode::invalid, fmt::format("the sealing key {} has mode {:04o} and is open to others; run: chmod 600 {}", file.string(),
                                                     facts.st_mode & 07777, file.string()));
    return done();
}

Result<Secret> parse_key(std::string_view text, const std::filesystem::path& file) {
    auto refuse = [&] { return Error(ErrorCode::invalid, fmt::format("the sealing key {} must be 64 hexadecimal digits and a line end", file.string())); };
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() != 2 * kKeyBytes) return refuse();
    if (text.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return refuse();
    return Secret(from_hex(text).value());
}

Secret random_key() {
    Bytes key(kKeyBytes);
    if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) throw std::runtime_error("OpenSSL has no randomness for a sealing key");
    return Secret(std::move(key));
}

Status write_key(const std::filesystem::path& file, const Secret& key) {
    FileDescriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) return io_failure(file, "cannot be made");
    std::string digits = to_hex(key.reveal()) + "\n";
    Secret text(digits);
    OPENSSL_cleanse(digits.data(), digits.size());
    ByteView octets = text.reveal();
    if (write(made.get(), octets.data(), octets.size()) != static_cast<ssize_t>(octets.size())) return io_failure(file, "cannot be written");
    if (fsync(made.get()) != 0) return io_failure(file, "cannot be made durable");
    return done();
}

// Whole or not at all, and never over a key that another process made meanwhile.
Status create_key(const std::filesystem::path& file) {
    std::filesystem::path draft = file;
    draft += fmt::format(".{}.new", getpid());
    unlink(draft.c_str());
    Status written = write_key(draft, random_key());
    bool linked = written.ok() && (link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
    Status outcome = written.ok() && !linked ? Status(io_failure(file, "cannot be made")) : std::move(written);
    unlink(draft.c_str());
    if (!outcome) return outcome;
    auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fsync(directory.get()) != 0) return io_failure(file, "cannot be made durable");
    return done();
}

void require(bool worked) {
    // Nothing but a broken OpenSSL or no randomness brings us here; to go on would store something that cannot be opened.
    if (!worked) throw std::runtime_error("OpenSSL cannot seal with AES-256-GCM");
}

} // namespace

Result<Sealer> Sealer::load(const std::filesystem::path& file) {
    FileDescriptor source(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source) return io_failure(file, "cannot be read");
    if (Status fit = check_mode(source.get(), file); !fit) return std::move(fit).error();
    Bytes buffer(2 * kKeyBytes + 2); // one more than allowed, to see that it ends
    ssize_t size = read(source.get(), buffer.data(), buffer.size());
    if (size < 0) return io_failure(file, "cannot be read");
    Secret text(std::move(buffer));
    auto key = parse_key({reinterpret_cast<const char*>(text.reveal().data()), static_cast<std::size_t>(size)}, file);
    if (!key) return std::move(key).error();
    return Sealer(*std::move(key));
}

Result<Sealer> Sealer::load_or_create(const std::filesystem::path& file) {
    auto loaded = load(file);
    if (loaded || loaded.error().code() != ErrorCode::not_found) return loaded;
    if (Status made = create_key(file); !made) return std::move(made).error();
    return load(file);
}

Bytes Sealer::seal(ByteView plain, std::string_view context) const {
    Bytes out(kNonceBytes + plain.size() + kTagBytes);
    std::uint8_t* text = out.data() + kNonceBytes;
    int size = 0;
    Cipher cipher(EVP_CIPHER_CTX_new());
    ByteView place = view_of(context);
    require(RAND_bytes(out.data(), kNonceBytes) == 1);
    require(EVP_EncryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key_.reveal().data(), out.data(), nullptr) == 1);
    require(EVP_EncryptUpdate(cipher.get(), nullptr, &size, place.data(), static_cast<int>(place.size())) == 1);
    require(EVP_EncryptUpdate(cipher.get(), text, &size, plain.data(), static_cast<int>(plain.size())) == 1);
    require(EVP_EncryptFinal_ex(cipher.get(), text + size, &size) == 1);
    require(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, text + plain.size()) == 1);
    return out;
}

Result<Secret> Sealer::open(ByteView sealed, std::string_view context) const {
    auto refuse = [&] {
        return Error(ErrorCode::invalid, fmt::format("the sealed text of {} does not open: sealed under another key, moved or changed", context));
    };
    if (sealed.size() < kNonceBytes + kTagBytes) return refuse();
    ByteView text = sealed.subspan(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
    Bytes tag(sealed.end() - kTagBytes, sealed.end());
    Bytes plain(text.size() + 1); // never empty, so that data() is an address
    int size = 0;
    Cipher cipher(EVP_CIPHER_CTX_new());
    ByteView place = view_of(context);
    bool opened = EVP_DecryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key_.reveal().data(), sealed.data(), nullptr) == 1 &&
                  EVP_DecryptUpdate(cipher.get(), nullptr, &size, place.data(), static_cast<int>(place.size())) == 1 &&
                  EVP_DecryptUpdate(cipher.get(), plain.data(), &size, text.data(), static_cast<int>(text.size())) == 1 &&
                  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
                  EVP_DecryptFinal_ex(cipher.get(), plain.data() + size, &size) == 1;
    Secret holder(std::move(plain)); // wiped also when it is refused
    if (!opened) return refuse();
    return Secret(Bytes(holder.reveal().begin(), holder.reveal().end() - 1));
}

} // namespace mxseal::agent
