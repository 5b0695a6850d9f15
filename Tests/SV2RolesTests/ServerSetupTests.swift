import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Source of the rules: sv2-notes §4.1, §12.

private let mining = ConnectionID(rawValue: 10)
private let declaring = ConnectionID(rawValue: 11)

@Test func `a miner that chooses its work is told to use extended channels`() {
    let bench = PoolBench()
    _ = bench.send(.miningConnected(mining))
    let actions = bench.mining(
        .common(.setupConnection(PoolBench.setup(protocol: 0, flags: 0b110, versions: 1...9))), on: mining)
    #expect(
        actions.miningMessages == [
            .common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 2)))
        ])
    #expect(actions.closed == nil)
}

@Test func `a declarator with full templates is taken, without flags in the answer`() {
    let bench = PoolBench()
    _ = bench.send(.declarationConnected(declaring))
    let actions = bench.declaration(
        .common(.setupConnection(PoolBench.setup(protocol: 1, flags: 1))), on: declaring)
    #expect(
        actions.declarationMessages
            == [.common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))])
}

@Test(arguments: [
    (PoolBench.setup(protocol: 1, flags: 0b010), SetupRefusal.unsupportedProtocol, UInt32(0)),
    (PoolBench.setup(protocol: 200, flags: 0b010), .unsupportedProtocol, 0),
    (PoolBench.setup(protocol: 0, flags: 0b010, versions: 3...9), .protocolVersionMismatch, 0),
    (PoolBench.setup(protocol: 0, flags: 0b010, versions: 0...1), .protocolVersionMismatch, 0),
    (PoolBench.setup(protocol: 0, flags: 0b011), .unsupportedFeatureFlags, 0b001),
    (PoolBench.setup(protocol: 0, flags: .max), .unsupportedFeatureFlags, ~0b110),
    (PoolBench.setup(protocol: 0, flags: 0b100), .missingWorkSelection, 0),
])
func `a mining setup that cannot be served is refused with the flags that are not, then closed`(
    setup: SetupConnection, refusal: SetupRefusal, flags: UInt32
) {
    let bench = PoolBench()
    _ = bench.send(.miningConnected(mining))
    let actions = bench.mining(.common(.setupConnection(setup)), on: mining)
    let error = SetupConnectionError(flags: flags, errorCode: WireText(refusal.rawValue))
    #expect(
        actions.prefix(2) == [
            .sendMining(mining, .common(.setupConnectionError(error))),
            .close(mining, .setupRefused(refusal)),
        ])
    #expect(bench.open(mining) == nil)
}

@Test(arguments: [
    (PoolBench.setup(protocol: 0, flags: 1), SetupRefusal.unsupportedProtocol),
    (PoolBench.setup(protocol: 1, flags: 0), .missingDeclareTxData),
    (PoolBench.setup(protocol: 1, flags: 3), .unsupportedFeatureFlags),
    (PoolBench.setup(protocol: 1, flags: 1, versions: 5...6), .protocolVersionMismatch),
])
func `a declaration setup that cannot be served is refused`(setup: SetupConnection, refusal: SetupRefusal) {
    let bench = PoolBench()
    _ = bench.send(.declarationConnected(declaring))
    #expect(
        bench.declaration(.common(.setupConnection(setup)), on: declaring).closed == .setupRefused(refusal))
}

@Test func `any other first message ends the connection`() {
    let bench = PoolBench()
    _ = bench.send(.miningConnected(mining))
    _ = bench.send(.declarationConnected(declaring))
    let open = bench.mining(.openExtendedMiningChannel(OpenExtendedMiningChannel()), on: mining)
    #expect(open.closed == .beforeSetup("OpenExtendedMiningChannel"))
    let allocate = bench.declaration(.allocateMiningJobToken(AllocateMiningJobToken()), on: declaring)
    #expect(allocate.closed == .beforeSetup("AllocateMiningJobToken"))
}

@Test func `a second setup ends the connection, and what comes after it is not heard`() {
    let bench = PoolBench()
    bench.connectMiner()
    let setup = MiningMessage.common(.setupConnection(PoolBench.setup(protocol: 0, flags: 0b110)))
    #expect(bench.mining(setup).closed == .setupTwice)
    #expect(bench.mining(setup).isEmpty)
    #expect(bench.send(.closed(PoolBench.miner)).isEmpty)
}

@Test func `a connection that says nothing is closed at the deadline, one that spoke is not`() {
    let bench = PoolBench()
    bench.connectMiner()
    let actions = bench.send(.declarationConnected(declaring))
    // The miner's own deadline is the earlier wake and covers this one until it passes.
    #expect(actions.wakeTime == nil)
    #expect(bench.wait(.seconds(9)).closed == nil)
    #expect(bench.wait(.seconds(1)).closed == .setupDeadline)
    #expect(bench.open() != nil)
}

@Test func `connections beyond the bound are closed at once`() {
    let bench = PoolBench { $0.maximumConnections = 2 }
    #expect(bench.send(.miningConnected(ConnectionID(rawValue: 20))).closed == nil)
    #expect(bench.send(.miningConnected(ConnectionID(rawValue: 21))).closed == nil)
    let third = ConnectionID(rawValue: 22)
    #expect(bench.send(.miningConnected(third)).closed == .tooManyConnections(limit: 2))
    #expect(bench.send(.closed(ConnectionID(rawValue: 20))).isEmpty)
    #expect(bench.send(.miningConnected(ConnectionID(rawValue: 23))).closed == nil)
}

@Test func `of the extensions asked for, the pool grants worker names`() {
    let bench = PoolBench()
    bench.connectMiner()
    func request(_ extensions: [UInt16]) -> [MiningMessage] {
        let request = RequestExtensions(requestId: 7, requestedExtensions: extensions)
        return bench.mining(.common(.requestExtensions(request))).miningMessages
    }
    let granted = RequestExtensionsSuccess(requestId: 7, supportedExtensions: [2])
    #expect(request([2]) == [.common(.requestExtensionsSuccess(granted))])
    #expect(request([0x4444, 2, 2]) == [.common(.requestExtensionsSuccess(granted))])
    for unknown in [[], [0x4444]] as [[UInt16]] {
        let error = RequestExtensionsError(
            requestId: 7, unsupportedExtensions: unknown, requiredExtensions: [])
        #expect(request(unknown) == [.common(.requestExtensionsError(error))])
    }
}
