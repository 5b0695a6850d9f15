import Foundation
import Payouts
import PoolLedger
import Testing
import Transports

@testable import PoolHouse
@testable import PoolServer

/// A pool does not start with a configuration that is not safe, and says why.
@Suite struct HouseSafetyTests {
    private func fault(_ house: TestHouse, _ change: (inout HouseConfiguration) -> Void) throws -> HouseFault?
    {
        var configuration = try house.configuration()
        change(&configuration)
        do throws(HouseFault) {
            _ = try configuration.checkSafety()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["0.0.0.0", "::", "*", ""])
    func `all interfaces are listened to by word only`(host: String) throws {
        let house = try TestHouse()
        #expect(
            try fault(house) { $0.mining.host = host } == .allInterfaces(key: "listen.mining", host: host))
        #expect(
            try fault(house) { $0.declaration.host = host }
                == .allInterfaces(key: "listen.declaration", host: host))
        #expect(
            try fault(house) {
                $0.mining.host = host
                $0.allInterfaces = true
            } == nil)
    }

    @Test func `a key that others may read is refused`() throws {
        let house = try TestHouse()
        let key = "\(house.folder)/pool.key"
        chmod(key, 0o640)
        #expect(try fault(house) { _ in } == .key(.tooOpen(path: key, mode: 0o640)))
        chmod(key, 0o600)
        #expect(try fault(house) { _ in } == nil)
        unlink(key)
        #expect(try fault(house) { _ in } == .key(.missing(path: key)))
    }

    @Test(arguments: [(0o777, false), (0o1777, false), (0o702, false), (0o775, true), (0o700, true)])
    func `a ledger is not put where everybody may write`(mode: Int, isSafe: Bool) throws {
        let house = try TestHouse()
        let folder = "\(house.folder)/ledger"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        chmod(folder, mode_t(mode))
        let found = try fault(house) { $0.ledger = "\(folder)/shares.db" }
        #expect(found == (isSafe ? nil : .ledgerFolder(path: "\(folder)/shares.db", mode: UInt32(mode))))
    }

    @Test func `what nobody could use is not started`() throws {
        let house = try TestHouse()
        #expect(
            try fault(house) {
                ($0.modes.ownJobs, $0.modes.fullTemplate, $0.modes.coinbaseOnly) = (false, false, false)
            } == .noMode)
        #expect(
            try fault(house) { ($0.modes.fullTemplate, $0.modes.coinbaseOnly) = (false, false) }
                == .baseTemplateAlone)
        #expect(
            try fault(house) {
                ($0.mining.port, $0.declaration.port) = (3_333, 3_333)
            } == .samePort(3_333))
    }

    @Test(arguments: [
        ("main", false), ("test", false), ("testnet4", false), ("signet", false), ("regtest", true),
        ("namecoin", false),
    ])
    func `a payout of another network than the node's stops the pool`(chain: String, isRight: Bool) throws {
        let configuration = try TestHouse().configuration()
        do throws(HouseFault) {
            try configuration.checkNetwork(chain, at: "node:1")
            #expect(isRight)
        } catch {
            #expect(!isRight)
            #expect(error == .otherNetwork(place: "node:1", chain: chain, payout: .regtest))
        }
    }

    @Test func `a pool whose node is of another network opens no port`() async throws {
        let house = try TestHouse()
        var configuration = try house.configuration()
        // The recording is of regtest.
        configuration.network = .main
        let error = await #expect(throws: HouseFault.self) {
            try await House.open(configuration, settings: try house.settings()) { _ in }
        }
        #expect(error == .otherNetwork(place: "the recording", chain: "regtest", payout: .main))
        #expect(error?.isConfiguration == true)
    }

    @Test func `a ledger in use is said, and no port is opened`() async throws {
        let house = try TestHouse()
        try await house.withPool { _, _ in
            let error = await #expect(throws: HouseFault.self) {
                try await House.open(try house.configuration(), settings: try house.settings()) { _ in }
            }
            #expect(error == .ledger(.inUse(path: "\(house.folder)/shares.db")))
        }
    }

    @Test func `a port in use is said, and everything is given back`() async throws {
        let house = try TestHouse()
        let other = try TestHouse()
        try await house.withPool { service, _ in
            let error = await #expect(throws: HouseFault.self) {
                var configuration = try other.configuration()
                configuration.declaration.port = service.miningPort
                _ = try await House.open(configuration, settings: try other.settings()) { _ in }
            }
            #expect(error == .listen(.portInUse(host: "127.0.0.1", port: service.miningPort)))
        }
        try await other.withPool { service, _ in #expect(service.miningPort > 0) }
    }

    @Test func `every fault is a sentence with what to do`() {
        let faults: [HouseFault] = [
            .allInterfaces(key: "listen.mining", host: ""), .ledgerFolder(path: "/tmp/x", mode: 0o1777),
            .key(.missing(path: "k")), .ledger(.locked(path: "l")), .noMode, .baseTemplateAlone, .samePort(1),
            .listen(.portInUse(host: "h", port: 1)),
            .otherNetwork(place: "p", chain: "main", payout: .regtest), .recording("r"),
        ]
        for fault in faults { #expect(fault.description.count > 12, "\(fault)") }
        #expect(faults.filter { !$0.isConfiguration }.count == 2)
    }
}
