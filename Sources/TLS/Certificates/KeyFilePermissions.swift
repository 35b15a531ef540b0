import Glibc

/// The file permissions that a private key must have, by libpq's rules (`initialize_SSL` in fe-secure-openssl.c,
/// `check_ssl_key_file_permissions` in be-secure-common.c).
enum KeyFilePermissions {
    /// - Parameters:
    ///   - mode: `st_mode` of the file.
    ///   - owner: its user id; `user`: that of this process.
    ///   - isServer: a server also requires that it or root owns the file.
    /// - Returns: the fault and its remedy; nil where there is none.
    static func offence(mode: mode_t, owner: uid_t, user: uid_t, isServer: Bool) -> (wrong: String, cure: String)? {
        let permissions = mode & 0o7777
        let forbidden: mode_t = owner == 0 ? 0o037 : 0o077
        if permissions & forbidden != 0 {
            return (
                "may be read or changed by others than its owner (mode \(octal(permissions)))",
                "chmod 0600 it; one that root owns may have 0640."
            )
        }
        if isServer, owner != 0, owner != user {
            return (
                "belongs to user \(owner), and this process runs as user \(user)",
                "Give it to this user or to root by chown."
            )
        }
        return nil
    }

    private static func octal(_ mode: mode_t) -> String { "0" + String(mode, radix: 8) }
}
