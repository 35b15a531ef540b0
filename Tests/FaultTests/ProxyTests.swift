import TestSupport
import Testing

extension Faults {
    /// The network to PostgreSQL breaks where it hurts.
    struct ProxyTests {
        @Test func aCommitWhoseAnswerIsLostIsNeitherLostNorDoneTwice() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let proxy = try CuttingProxy(to: cluster.port)
                let master = try ServedMaster(url: cluster.url(port: proxy.port))
                let load = Load(Masters([master.address]))
                let faults = [
                    CuttingProxy.Fault.cutAfterCommit, .cutBetweenAnswerAndCommit, .cutBeforeCommit,
                ]
                for round in 1...10 {
                    for fault in faults {
                        let strikes = proxy.strikes
                        proxy.strike(fault, afterWrites: Int.random(in: 0...10))
                        let struck = Deadline.after(seconds: 30).poll { proxy.strikes > strikes ? true : nil }
                        #expect(struck == true, "round \(round): \(fault)")
                    }
                    try load.awaitProgress(20)
                }
                let what = "connection to PostgreSQL cut round COMMIT, cuts=\(proxy.strikes)"
                let counts = try load.finish(what) { try Faults.rows(cluster) }
                #expect(counts.stallSeconds < 30)
                master.end()
            }
        }

        /// No packet is refused and none answered: only a clock of the master's own ends the wait.
        @Test func aNetworkThatSwallowsAllHoldsWritesUpForABoundedTime() async throws {
            try await onThread {
                let cluster = try PostgresCluster()
                let proxy = try CuttingProxy(to: cluster.port)
                let master = try ServedMaster(url: cluster.url(port: proxy.port))
                let load = Load(Masters([master.address]))
                try load.awaitProgress(50)
                proxy.swallowThose()
                try load.awaitProgress(50)
                let what = "connection to PostgreSQL swallowed without an end"
                let counts = try load.finish(what) { try Faults.rows(cluster) }
                #expect(counts.stallSeconds > 5 && counts.stallSeconds < 60)
                master.end()
            }
        }
    }
}
