import Logging
import PodlingTLS
import TestSupport
import Testing

@testable import PodlingMaster

/// What the log says of ends that come near.
@Suite struct ExpiryStageTests {
    private static let cure = "Put a new one in its place, and send SIGHUP"

    @Test func certificate() throws {
        let workshop = try Workshop.shared.get()
        let files = TLSServerConfiguration(
            certificateFile: workshop.file("good.pem"),
            keyFile: workshop.file("good.key")
        )
        let facts = try #require(try TLSContext(server: files).certificate)
        let end = try #require(facts.notAfter)
        func stage(secondsLeft: Int) -> ExpiryStage { .of(facts, now: end - secondsLeft) }
        let ends = "this master's certificate ends in"
        let day = 86_400
        #expect(stage(secondsLeft: 29 * day) == ExpiryStage(level: .notice, text: "\(ends) 29 days. \(Self.cure)"))
        #expect(stage(secondsLeft: 7 * day + 1) == ExpiryStage(level: .notice, text: "\(ends) 7 days. \(Self.cure)"))
        #expect(stage(secondsLeft: 7 * day) == ExpiryStage(level: .warning, text: "\(ends) 7 days. \(Self.cure)"))
        #expect(stage(secondsLeft: day + 1) == ExpiryStage(level: .warning, text: "\(ends) a day. \(Self.cure)"))
        #expect(stage(secondsLeft: 60) == ExpiryStage(level: .error, text: "\(ends) less than a day. \(Self.cure)"))
        let ended = stage(secondsLeft: -1)
        #expect(ended.level == .error)
        #expect(ended.text.hasPrefix("this master's certificate has expired on 20"), "\(ended.text)")
        #expect(ended.text.hasSuffix("clients that check it refuse this master. \(Self.cure)"), "\(ended.text)")
        let start = try #require(facts.notBefore)
        #expect(ExpiryStage.of(facts, now: start - 1).text.contains("is not valid before 20"))
    }

    @Test func revocationList() {
        #expect(ExpiryStage.of(revocationEnd: 100_000, now: 0).level == .info)
        #expect(ExpiryStage.of(revocationEnd: 86_400, now: 0).level == .error)
        #expect(ExpiryStage.of(revocationEnd: 100, now: 101).text.contains("is out of date: no client"))
    }

    @Test func theContextKnowsItsLists() throws {
        let workshop = try Workshop.shared.get()
        var files = TLSServerConfiguration(
            certificateFile: workshop.file("good.pem"),
            keyFile: workshop.file("good.key")
        )
        #expect(try TLSContext(server: files).revocationEnd == nil)
        files.clientCAFile = workshop.file("ca.pem")
        files.clientCertificates = .require
        files.revocationFile = workshop.file("ca.crl")
        let context = try TLSContext(server: files)
        // The workshop's lists are good for thirty days, as its certificates are.
        let days = try (#require(context.revocationEnd) - #require(context.certificate?.notBefore)) / 86_400
        #expect((29...31).contains(days))
    }
}
