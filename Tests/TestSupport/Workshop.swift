import FoundationEssentials
import Glibc

/// The certificates of a test run, made once by the `openssl` program in a scratch folder of `openssl ca`.
public final class Workshop: Sendable {
    public static let shared = Result { try Workshop() }

    public let folder: String

    private init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/podling-tls-\(getpid())"
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        chmod(folder, 0o700)
        atexit { if let made = try? Workshop.shared.get() { try? FileManager.default.removeItem(atPath: made.folder) } }
        try makeStock()
    }

    /// The path of a file of the folder.
    public func file(_ name: String) -> String { folder + "/" + name }

    public func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
        chmod(file(name), mode)
        return file(name)
    }

    public func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: file(name))), as: UTF8.self)
    }

    public func openssl(_ arguments: String...) throws { try openssl(arguments) }

    private func openssl(_ arguments: [String]) throws {
        let process = try ProgramProcess(Self.program, arguments)
        guard let ending = process.wait(deadline: .after(seconds: 60)), ending == .exited(0) else {
            throw TestSupportError("openssl \(arguments.joined(separator: " ")): \(process.output)")
        }
    }

    public static let program: String = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        let places = path.split(separator: ":").map { "\($0)/openssl" }
        return places.first { access($0, X_OK) == 0 } ?? "/usr/bin/openssl"
    }()

    public func makeCA(_ name: String, subject: String) throws {
        let settings = """
            [ca]
            default_ca = this
            [this]
            database = \(file(name)).index
            new_certs_dir = \(folder)
            rand_serial = yes
            unique_subject = no
            default_md = sha256
            default_crl_days = 30
            default_days = 30
            policy = any
            copy_extensions = copy
            private_key = \(file(name)).key
            certificate = \(file(name)).pem
            [any]
            commonName = optional
            organizationName = optional
            [crl]
            authorityKeyIdentifier = keyid
            """
        _ = try write("\(name).cnf", settings)
        _ = try write("\(name).index", "")
        try selfSign(name, subject: subject, extension: "keyUsage=critical,keyCertSign,cRLSign")
    }

    /// Makes `NAME.key` and `NAME.pem`, signed by a CA.
    ///
    /// - Parameters:
    ///   - names: as `DNS:a.example,IP:127.0.0.1`; nil leaves subjectAltName out.
    ///   - dates: as `openssl ca` wants them, `YYYYMMDDHHMMSSZ`.
    public func issue(
        _ name: String,
        subject: String,
        names: String?,
        by authority: String = "ca",
        extensions: [String] = [],
        dates: (start: String, end: String)? = nil
    ) throws {
        var request = [
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
            "-keyout", file("\(name).key"), "-out", file("\(name).csr"),
        ]
        for line in (names.map { ["subjectAltName=\($0)"] } ?? []) + extensions { request += ["-addext", line] }
        try openssl(request)
        let dated = dates.map { ["-startdate", $0.start, "-enddate", $0.end] } ?? []
        try openssl(
            ["ca", "-config", file("\(authority).cnf"), "-batch", "-notext", "-in", file("\(name).csr")]
                + ["-out", file("\(name).pem")] + dated
        )
        chmod(file("\(name).key"), 0o600)
    }

    private func selfSign(_ name: String, subject: String, extension line: String) throws {
        try openssl(
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
                + ["-subj", subject, "-addext", line, "-keyout", file("\(name).key"), "-out", file("\(name).pem")]
        )
        chmod(file("\(name).key"), 0o600)
    }

    /// Makes `NAME.key` and `NAME.pem`, which nobody but itself vouches for.
    public func issueSelfSigned(_ name: String, subject: String, names: String) throws {
        try selfSign(name, subject: subject, extension: "subjectAltName=\(names)")
    }

    /// Revokes certificates, and writes `NAME.crl` of a CA; `dates` are arguments of openssl ca.
    public func revoke(
        _ certificates: [String],
        by authority: String = "ca",
        to name: String,
        dates: [String] = []
    ) throws {
        for certificate in certificates {
            try openssl("ca", "-config", file("\(authority).cnf"), "-revoke", file("\(certificate).pem"))
        }
        let list = ["ca", "-config", file("\(authority).cnf"), "-gencrl", "-crlexts", "crl"]
        try openssl(list + dates + ["-out", file("\(name).crl")])
    }
}
