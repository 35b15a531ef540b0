import FoundationEssentials
import Logging
import PodlingStore
import StoreTesting
import Testing

@testable import PodlingPostgres

@Suite(.enabled(if: Database.server != nil, Database.skipMessage), .timeLimit(.minutes(10))) struct StoreCheckTests {
    private final class Stand: StoreStand {
        let promises = StorePromises(keepsRows: true, keepsEvents: true, givesUp: true)
        let now = Int64(Date().timeIntervalSince1970) * 1_000 + 123
        private let database: Database
        /// Has the lock that holds up the writers.
        private let locking: PGConnection

        init() throws {
            database = try Database()
            locking = try database.connect()
        }

        func open(_ address: String, hasLongLease: Bool, heldMax: Int) async throws -> any StoreInTest {
            RealStore(
                try await PostgresStore.open(
                    url: database.url,
                    name: address,
                    address: address,
                    leaseMilliseconds: hasLongLease ? 3_600_000 : 1_500,
                    retention: Retention(heldMax: heldMax),
                    eventsMax: StoreCheck.eventsMax,
                    logger: Logger(label: "test")
                )
            )
        }

        func takeLeadAway() async throws {
            try database.connect().executeScript(
                "UPDATE podling_leader SET epoch = epoch + 1, holder = 'other', expires_at = now() + interval '1 hour'"
            )
        }

        func refuseRows() async throws {
            try database.connect().executeScript(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.name LIKE 'bad%' AND TG_OP = 'INSERT' OR NEW.name LIKE 'rude%' AND TG_OP = 'UPDATE' THEN
                        RAISE EXCEPTION 'this name is refused';
                    END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION refuse();
                """
            )
        }

        func holdUp() async throws { try locking.executeScript("BEGIN; LOCK TABLE tasks IN SHARE MODE") }
        func goOn() async throws { try locking.executeScript("COMMIT") }
    }

    @Test(arguments: StoreCheck.allCases)
    func itKeepsToWhatStoresPromise(check: StoreCheck) async throws { try await check.run(on: Stand()) }
}
