/// The kinds of fault that a simulation injects; each can be switched off, which is how a failure is made smaller.
package enum Fault: Int, CaseIterable, Sendable {
    case cutBytes
    case slowReader
    case halfClose
    case reset
    case partition
    case oneWayLoss
    case refusedConnection
    case killMaster
    case stopMaster
    case pauseMaster
    case killWorker
    case stopWorker
    case pauseWorker
    case killClient
    case stepClock
    case storeStall
    case storeFailure
    case ambiguousCommit
    case lateCommit
    case storeAway
    case storeLoss
    case refusedRow
    case engineFailure
    case engineLostAnswer
    case engineCrash
    case slowPull
    case badImage
    case containerLost
    case hostileLine

    package var name: String { "\(self)" }

    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }
}

/// A set of kinds of fault.
package struct FaultSet: Sendable, Equatable {
    private var bits: UInt64

    package static let all = FaultSet(bits: .max)
    package static let none = FaultSet(bits: 0)

    private init(bits: UInt64) { self.bits = bits }

    package func contains(_ fault: Fault) -> Bool { bits & 1 << UInt64(fault.rawValue) != 0 }
    package mutating func remove(_ fault: Fault) { bits &= ~(1 << UInt64(fault.rawValue)) }
    package mutating func insert(_ fault: Fault) { bits |= 1 << UInt64(fault.rawValue) }

    /// The kinds that are in it, in their order.
    package var members: [Fault] { Fault.allCases.filter { contains($0) } }
    /// The kinds that are not.
    package var absent: [Fault] { Fault.allCases.filter { !contains($0) } }
}
