#include "agent/deploy/file_deployer.hpp"

#include "agent/deploy/accounts.hpp"
#include "agent/deploy/folder.hpp"
#include "agent/deploy/reload.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

// Beside each deployed file stands `.<file>.mxseal`: the SHA-256 of what mxseal put there last and is about to put. So a
// foreign file is told from ours, also after a crash between the two.
std::string note_name(const std::string& name) { return fmt::format(".{}.mxseal", name); }
std::string kept_name(const std::string& name) { return name + ".before-mxseal"; }

Result<std::string> read_note(const TargetFolder& folder, const std::string& name) {
    auto note = folder.read(note_name(name));
    if (!note) return std::move(note).error();
    return *note ? to_text((*note)->reveal()) : std::string();
}

Status replace(const TargetFolder& folder, const std::string& name, ByteView content, const FileRights& rights) {
    auto beside = folder.write_beside(name, content, rights);
    if (!beside) return std::move(beside).error();
    return folder.rename(*beside, name);
}

Status keep_former(const TargetFolder& folder, const std::string& name, const Secret& former) {
    auto kept = folder.facts(kept_name(name));
    if (!kept) return std::move(kept).error();
    if (*kept) return done(); // once
    auto facts = folder.facts(name);
    if (!facts) return std::move(facts).error();
    FileRights rights;
    if (*facts && ::geteuid() == 0) rights = {(*facts)->st_uid, (*facts)->st_gid, 0600}; // only root may give files away
    return replace(folder, kept_name(name), former.reveal(), rights);
}

// Before the rename: keeps a foreign file, and notes what is about to stand there.
Status prepare(const TargetFolder& folder, const std::string& name, const std::optional<Secret>& former, const Secret& content) {
    auto note = read_note(folder, name);
    if (!note) return std::move(note).error();
    std::string former_hash = former ? to_hex(sha256(former->reveal())) : std::string();
    bool ours = former && note->find(former_hash) != std::string::npos;
    if (former && !ours)
        if (auto kept = keep_former(folder, name, *former); !kept) return kept;
    std::string text = to_hex(sha256(content.reveal())) + "\n" + (ours ? former_hash + "\n" : "");
    if (text == *note) return done();
    return replace(folder, note_name(name), view_of(text), FileRights{});
}

bool has_rights(const struct ::stat& facts, const FileRights& rights) {
    return (facts.st_mode & 07777) == rights.mode && (rights.owner == static_cast<uid_t>(-1) || rights.owner == facts.st_uid) &&
           (rights.group == static_cast<gid_t>(-1) || rights.group == facts.st_gid);
}

Status mend_rights(const TargetFolder& folder, const std::string& name, const FileRights& rights) {
    auto facts = folder.facts(name);
    if (!facts) return std::move(facts).error();
    if (*facts && has_rights(**facts, rights)) return done();
    return folder.set_rights(name, rights);
}

Result<FileRights> rights_of(const DeployTarget& target) {
    auto owner = user_id(target.owner);
    if (!owner) return std::move(owner).error();
    auto group = group_id(target.group);
    if (!group) return std::move(group).error();
    return FileRights{*owner, *group, target.mode};
}

void clean_up(const TargetFolder& folder, const std::string& name) {
    for (const std::string& file : {name, note_name(name), kept_name(name)}) folder.remove_leftovers(file);
}

Status put_file(const DeployTarget& target, const Secret& content) {
    auto rights = rights_of(target);
    if (!rights) return std::move(rights).error();
    auto folder = TargetFolder::open(target.combined.parent_path());
    if (!folder) return std::move(folder).error();
    std::string name = target.combined.filename().string();
    clean_up(*folder, name);
    auto former = folder->read(name);
    if (!former) return std::move(former).error();
    if (*former && (*former)->equals(content.reveal())) return mend_rights(*folder, name, *rights);
    if (auto prepared = prepare(*folder, name, *former, content); !prepared) return prepared;
    return replace(*folder, name, content.reveal(), *rights);
}

Status check_target(const DeployTarget& target) {
    if (target.combined.is_absolute() && target.combined.has_filename()) return done();
    return Error(ErrorCode::invalid, fmt::format("deploy target '{}' is not the full path of a file", escape_untrusted(target.combined.string(), 200)));
}

} // namespace

Status FileDeployer::deploy(const DeployTarget& target, const Secret& content) {
    if (auto checked = check_target(target); !checked) return checked;
    if (content.empty() || content.reveal().size() > kDeployedBytesMax)
        return Error(ErrorCode::invalid, fmt::format("what is to stand in {} has {} octets; allowed: 1..{}", target.combined.string(), content.reveal().size(), kDeployedBytesMax));
    if (auto put = put_file(target, content); !put) return std::move(put).error().in_context("deploying " + target.combined.string());
    return run_reload(target.reload, target.reload_timeout);
}

Result<std::optional<Secret>> FileDeployer::read(const DeployTarget& target) {
    if (auto checked = check_target(target); !checked) return std::move(checked).error();
    std::error_code failure;
    if (!std::filesystem::exists(target.combined.parent_path(), failure) && !failure) return std::optional<Secret>();
    auto folder = TargetFolder::open(target.combined.parent_path());
    if (!folder) return std::move(folder).error();
    return folder->read(target.combined.filename().string());
}

} // namespace mxseal::agent
