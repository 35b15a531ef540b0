/// What every store keeps to: each of them runs all of these.
package enum StoreCheck: String, CaseIterable, Sendable {
    // MARK: Batches
    case oneBatchAfterAnotherIsAnsweredOnce
    case anEmptyBatchIsDurable
    case whatIsHeldUpBecomesDurable
    case closeWaitsForBatches
    case itGivesUpInTime

    // MARK: Rows
    case tasksComeBackWhole
    case theLastVersionCounts
    case aNewRowThatIsThereAlreadyIsAChange
    case anOlderAttemptChangesNothing
    case nodesComeBackWhole
    case nodesAreLoadedBeforeTasksInOrder
    case ofEndedTasksTheLastAreLoaded

    // MARK: Reads
    case aTaskIsReadAsItWasWritten
    case whatExistsIsFoundByItsId
    case pagesOfTasksAddUp
    case filtersNarrow
    case pagesOfNodesAddUp

    // MARK: Refusals
    case aRefusedRowIsNamedAndTheRestIsDurable
    case aGroupIsRefusedAsAWhole
    case aRefusedChangeLeavesTheRowAsItWas
    case aRefusalIsReportedWithItsOwnBatch

    // MARK: The lead
    case oneOfTwoLeads
    case theLeadIsHandedOver
    case whoLostTheLeadWritesNothingMore

    // MARK: Transitions
    case transitionsAreLoadedInTheirOrder
    case aTransitionIsKeptOnce

    /// How many transitions a store is to load.
    package static let eventsMax = 100

    package func run(on stand: any StoreStand) async throws {
        let bench = StoreBench(stand)
        switch self {
        case .oneBatchAfterAnotherIsAnsweredOnce: try await bench.oneBatchAfterAnotherIsAnsweredOnce()
        case .anEmptyBatchIsDurable: try await bench.anEmptyBatchIsDurable()
        case .whatIsHeldUpBecomesDurable: try await bench.whatIsHeldUpBecomesDurable()
        case .closeWaitsForBatches: try await bench.closeWaitsForBatches()
        case .itGivesUpInTime: try await bench.itGivesUpInTime()
        case .tasksComeBackWhole: try await bench.tasksComeBackWhole()
        case .theLastVersionCounts: try await bench.theLastVersionCounts()
        case .aNewRowThatIsThereAlreadyIsAChange: try await bench.aNewRowThatIsThereAlreadyIsAChange()
        case .anOlderAttemptChangesNothing: try await bench.anOlderAttemptChangesNothing()
        case .nodesComeBackWhole: try await bench.nodesComeBackWhole()
        case .nodesAreLoadedBeforeTasksInOrder: try await bench.nodesAreLoadedBeforeTasksInOrder()
        case .ofEndedTasksTheLastAreLoaded: try await bench.ofEndedTasksTheLastAreLoaded()
        case .aTaskIsReadAsItWasWritten: try await bench.aTaskIsReadAsItWasWritten()
        case .whatExistsIsFoundByItsId: try await bench.whatExistsIsFoundByItsId()
        case .pagesOfTasksAddUp: try await bench.pagesOfTasksAddUp()
        case .filtersNarrow: try await bench.filtersNarrow()
        case .pagesOfNodesAddUp: try await bench.pagesOfNodesAddUp()
        case .aRefusedRowIsNamedAndTheRestIsDurable: try await bench.aRefusedRowIsNamedAndTheRestIsDurable()
        case .aGroupIsRefusedAsAWhole: try await bench.aGroupIsRefusedAsAWhole()
        case .aRefusedChangeLeavesTheRowAsItWas: try await bench.aRefusedChangeLeavesTheRowAsItWas()
        case .aRefusalIsReportedWithItsOwnBatch: try await bench.aRefusalIsReportedWithItsOwnBatch()
        case .oneOfTwoLeads: try await bench.oneOfTwoLeads()
        case .theLeadIsHandedOver: try await bench.theLeadIsHandedOver()
        case .whoLostTheLeadWritesNothingMore: try await bench.whoLostTheLeadWritesNothingMore()
        case .transitionsAreLoadedInTheirOrder: try await bench.transitionsAreLoadedInTheirOrder()
        case .aTransitionIsKeptOnce: try await bench.aTransitionIsKeptOnce()
        }
    }
}
