// What main.cf of Postfix says of keys and certificates, read without Postfix. Variables in values are not followed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mxseal::agent {

struct PostfixFiles {
    std::string hostname;                      // myhostname; empty: not said
    std::vector<std::filesystem::path> served; // of smtpd_tls_chain_files, else of smtpd_tls_cert_file and its like, in order
};

// `root` stands for /; a main.cf that is not there says nothing.
PostfixFiles read_postfix_files(const std::filesystem::path& root);

} // namespace mxseal::agent
