import PodlingClient
import Testing

@testable import podling_client

struct LogResumeTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func whatWasPrintedIsSkippedHoweverItIsCut() {
        var resume = LogResume(tailBytes: 1000)
        resume.begin(attempt: 1)
        #expect(text(resume.append(.stdout, bytes("hello "))) == "hello ")
        #expect(text(resume.append(.stderr, bytes("oops"))) == "oops")
        #expect(resume.tailBytes == LogResume.tailBytesMax)
        resume.begin(attempt: 1)
        #expect(text(resume.append(.stdout, bytes("hel"))) == "")
        #expect(text(resume.append(.stderr, bytes("oops, again"))) == ", again")
        #expect(text(resume.append(.stdout, bytes("lo world"))) == "world")
        resume.end()
        #expect(!resume.isDoubtful)
    }

    @Test func anotherAttemptBeginsAnew() {
        var resume = LogResume(tailBytes: 1000)
        resume.begin(attempt: 1)
        _ = resume.append(.stdout, bytes("one"))
        resume.begin(attempt: 2)
        #expect(text(resume.append(.stdout, bytes("two"))) == "two")
        #expect(!resume.isDoubtful)
    }

    @Test func otherBytesThanBeforeAreToldOf() {
        var resume = LogResume(tailBytes: 1000)
        resume.begin(attempt: 1)
        _ = resume.append(.stdout, bytes("abc"))
        resume.begin(attempt: 1)
        _ = resume.append(.stdout, bytes("xyz123"))
        #expect(resume.isDoubtful)
    }

    @Test func moreThanCanBeAskedForIsToldOf() {
        var resume = LogResume(tailBytes: 4)
        resume.begin(attempt: 1)
        _ = resume.append(.stdout, bytes("more than four"))
        #expect(resume.tailBytes == 0)
        resume.begin(attempt: 1)
        #expect(resume.isDoubtful)
        #expect(text(resume.append(.stdout, bytes("new"))) == "new")
    }
}
