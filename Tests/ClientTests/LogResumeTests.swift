import PodlingClient
import Testing

@testable import podling_client

struct LogResumeTests {
    @Test func afterALostConnectionItGoesOnWhereItWas() {
        var resume = LogResume(tailBytes: nil)
        #expect(resume.wish == .from(LogPlace()))
        resume.begin(attempt: 1)
        resume.printed(.stdout, 3_000_000)
        resume.printed(.stderr, 4)
        #expect(resume.wish == .from(LogPlace(attempt: 1, stdoutBytes: 3_000_000, stderrBytes: 4)))
        resume.begin(attempt: 1)
        #expect(!resume.isDoubtful)
    }

    @Test func anEndOfWhichAllWasSeenIsExactToo() {
        var resume = LogResume(tailBytes: 1_000)
        #expect(resume.wish == .tail(bytes: 1_000))
        resume.begin(attempt: 1)
        resume.printed(.stdout, 999)
        #expect(resume.wish == .from(LogPlace(attempt: 1, stdoutBytes: 999)))
    }

    @Test func anotherAttemptBeginsAnew() {
        var resume = LogResume(tailBytes: 1_000)
        resume.begin(attempt: 1)
        resume.printed(.stdout, 1_000)
        resume.begin(attempt: 2)
        #expect(!resume.isDoubtful)
        #expect(resume.wish == .tail(bytes: 1_000))
    }

    @Test func whereTheBeginningWasNotSeenItIsToldOf() {
        var resume = LogResume(tailBytes: 4)
        resume.begin(attempt: 1)
        resume.printed(.stdout, 14)
        #expect(resume.wish == .tail(bytes: 0))
        resume.begin(attempt: 1)
        #expect(resume.isDoubtful)
    }
}
