import PodlingTLS
import TestSupport
import Testing

@testable import PodlingClient

/// `tls doctor` on a database: the findings that a master does not have.
@Suite(.timeLimit(.minutes(5)))
struct DatabaseDoctorTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    private func server(_ certificate: String = "good", answer: String = "S") async throws -> FakePostgres {
        let configuration = TLSServerConfiguration(
            certificateFile: workshop.file("\(certificate).pem"),
            keyFile: workshop.file("\(certificate).key")
        )
        let now = Workshop.validAt[certificate]
        let context = try TLSContext(server: configuration, speaking: .postgres, now: now)
        return try await FakePostgres.start(answer: answer, tls: answer.first == "S" ? context : nil)
    }

    private func examine(
        _ server: FakePostgres?,
        _ parameters: String,
        home: String? = nil
    ) async throws -> [DoctorFinding] {
        let url = "postgres://me:hush@localhost:\(server?.port ?? 1)/x?hostaddr=127.0.0.1&\(parameters)"
        var findings: [DoctorFinding] = []
        for doctor in try DatabaseDoctor.doctors(url, environment: { $0 == "HOME" ? home : nil }) {
            #expect(doctor.description == "postgres://localhost:\(server?.port ?? 1)")
            let isWell = await doctor.examine { findings.append($0) }
            #expect(isWell == findings.allSatisfy { $0.verdict != .broken })
        }
        #expect(findings.dropLast().allSatisfy { $0.verdict != .broken })
        await server?.stop()
        return findings
    }

    private var trusted: String { "sslrootcert=\(workshop.file("ca.pem"))" }

    @Test func allIsWell() async throws {
        let findings = try await examine(try await server(), "sslmode=verify-full&" + trusted)
        #expect(findings.map(\.step) == DoctorFinding.Step.allCases.dropLast())
        #expect(findings.last?.text == "postgresql")
        #expect(findings.allSatisfy { $0.verdict != .broken })
    }

    @Test(arguments: [
        ("", "sslmode=prefer checks nothing and falls back to plaintext without a word"),
        ("sslmode=require", "sslmode=require checks nothing: anybody may pose as the server"),
    ])
    func whatChecksNothingIsSaid(parameters: String, words: String) async throws {
        let findings = try await examine(try await server("elsewhere"), parameters)
        #expect(findings.contains { $0.step == .tls && $0.verdict == .skipped && $0.text.hasPrefix(words) })
        #expect(findings.last?.step == .applicationProtocol)
    }

    @Test func aRootsFileMakesRequireCheckTheCA() async throws {
        let findings = try await examine(try await server("foreign"), "sslmode=require&" + trusted)
        #expect(findings.last?.step == .chain)
        #expect(findings.last?.verdict == .broken)
    }

    struct Row: Sendable {
        var certificate = "good"
        var answer = "S"
        var parameters: String
        var step: DoctorFinding.Step
        var words: String
        var cure: String?
    }

    static let rows = [
        Row(
            answer: "N",
            parameters: "",
            step: .tls,
            words: "the server has no TLS (ssl = off)",
            cure: "Set ssl = on there"
        ),
        Row(
            answer: "H",
            parameters: "",
            step: .tls,
            words: "does not answer as PostgreSQL",
            cure: "Correct host and port."
        ),
        // Bytes after the S would be taken for the server's own.
        Row(answer: "SX", parameters: "", step: .tls, words: "does not answer as PostgreSQL"),
        Row(parameters: "sslmode=disable", step: .tls, words: "all goes in plaintext", cure: "sslmode=verify-full"),
        Row(parameters: "sslmode=on", step: .tls, words: "sslmode: 'on' is no mode"),
        Row(
            parameters: "sslmode=verify-full",
            step: .chain,
            words: "sslmode=verify-full needs sslrootcert, and ~/.postgresql/root.crt is not there",
            cure: "Give sslrootcert=FILE"
        ),
        Row(
            certificate: "elsewhere",
            parameters: "sslmode=verify-full&sslrootcert=$/ca.pem",
            step: .subjectNames,
            words: "is not for 'localhost' but for DNS:db.example",
            cure: "subjectAltName=DNS:localhost"
        ),
        Row(
            certificate: "expired",
            parameters: "sslmode=verify-full&sslrootcert=$/ca.pem",
            step: .dates,
            words: "has expired on 2021-01-01"
        ),
        Row(
            parameters: "sslmode=verify-full&sslrootcert=$/ca.pem&sslcert=$/worker.pem&sslkey=$/good.key",
            step: .keyMatch,
            words: "is not that of the certificate in"
        ),
    ]

    @Test(arguments: rows) func verdicts(row: Row) async throws {
        let server = try await server(row.certificate, answer: row.answer)
        let findings = try await examine(server, row.parameters.replacing("$", with: workshop.folder))
        let last = findings.last
        #expect(last?.step == row.step)
        #expect(last?.verdict == .broken)
        #expect(last?.text.contains(row.words) == true, "\(last?.text ?? "")")
        if let cure = row.cure { #expect(last?.cure?.contains(cure) == true, "\(last?.cure ?? "no cure")") }
    }

    @Test func aCommonNameCountsWhereThereIsNoOther() async throws {
        let findings = try await examine(try await server("nameless"), "sslmode=verify-full&" + trusted)
        let names = findings.first { $0.step == .subjectNames }
        #expect(names?.verdict == .good)
        #expect(
            names?.text == "it is for 'localhost' by its common name only, which libpq takes; better is subjectAltName"
        )
        #expect(findings.last?.step == .applicationProtocol)
    }

    @Test func filesOfTheUserAreFound() async throws {
        let home = workshop.folder
        let findings = try await examine(nil, "sslmode=verify-ca", home: home)
        #expect(findings.last?.text.contains("\(home)/.postgresql/root.crt is not there") == true)
    }

    @Test func aUnixSocketHasNone() async throws {
        let doctor = try #require(try DatabaseDoctor.doctors("postgres:///x", environment: { _ in nil }).first)
        var findings: [DoctorFinding] = []
        _ = await doctor.examine { findings.append($0) }
        #expect(findings.map(\.text) == ["a Unix socket has no TLS, and needs none"])
    }
}
