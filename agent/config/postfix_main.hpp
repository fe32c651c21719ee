// What Postfix's main.cf says of the files that its smtpd reads keys and certificates from. Read as text, without asking Postfix.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mxseal::agent {

struct PostfixFile {
    std::string parameter; // "smtpd_tls_cert_file"
    std::string file;
};

struct PostfixFacts {
    std::string myhostname;         // empty: not set there
    std::vector<PostfixFile> files; // of smtpd's TLS; values with a $ in them are left out
};

// Nothing of a file that is not there. postconf(5): lines that begin with white space continue the one before; the last setting counts.
PostfixFacts read_postfix(const std::filesystem::path& main_cf);

// The ACME client to whose folder a file belongs by its path ("certbot"); empty: to none that is known.
std::string client_folder_of(const std::string& file);

} // namespace mxseal::agent
