import BitcoinPrimitives
import BlockRelay
import NIOSupport
import Foundation
import PeerConnections
import TestSupport
import Testing

/// A line that `Tests/Peers/bip152_peer.py` has printed.
struct PeerEvent: Decodable, Sendable {
    var event: String
    var port: Int?
    var route: String?
    var hash: String?
    var sha256: String?
    var transactions: Int?
    var missing: Int?
    var services: UInt64?
    var relay: Int?
    var version: Int?
    var high: Int?
    var right: Bool?
    var stage: String?
    var why: String?
}

/// The peer in Python, as a process.
final class PythonPeer: Sendable {
    let events = Recorder<PeerEvent>()
    private let errors = Recorder<UInt8>()
    private let process: Process
    private let input = Pipe()

    /// - Parameters:
    ///   - tip: what the block to come builds on.
    ///   - mempool: what the peer has of it already.
    init(tip: Hash256, mempool: [Transaction] = [], _ options: String...) throws {
        var arguments = ["--tip", tip.displayHex] + options
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("adit-peer-\(UInt64.random(in: 0 ... .max))")
        if !mempool.isEmpty {
            try mempool.map(\.wireBytes.hex).joined(separator: "\n").write(
                to: file, atomically: true, encoding: .utf8)
            arguments += ["--mempool", file.path]
        }
        let script = Shared.packageRoot.appendingPathComponent("Tests/Peers/bip152_peer.py").path
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script] + arguments
        process.standardInput = input
        let output = Pipe()
        let complaints = Pipe()
        process.standardOutput = output
        process.standardError = complaints
        let lines = LineBuffer()
        output.fileHandleForReading.readabilityHandler = { [events] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            for line in lines.add(Array(data)) {
                if let event = try? JSONDecoder().decode(PeerEvent.self, from: Data(line)) {
                    events.append(event)
                }
            }
        }
        complaints.fileHandleForReading.readabilityHandler = { [errors] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            errors.append(contentsOf: Array(data))
        }
        try process.run()
    }

    var complaints: String { String(decoding: errors.all, as: UTF8.self) }

    func port() async throws -> Int { try await first("listening").port ?? 0 }

    func first(_ event: String) async throws -> PeerEvent {
        try await eventually { self.events.all.contains { $0.event == event } || !self.errors.all.isEmpty }
        guard let found = events.all.first(where: { $0.event == event }) else {
            throw PeerFailed(text: complaints)
        }
        return found
    }

    /// Ends it, as it ends when its input does.
    func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}

struct PeerFailed: Error { let text: String }

/// Cuts what a process prints into lines.
private final class LineBuffer: Sendable {
    private let held = Recorder<[UInt8]>()
    private let rest = Recorder<UInt8>()

    func add(_ bytes: [UInt8]) -> [[UInt8]] {
        rest.append(contentsOf: bytes)
        var lines = rest.all.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        let last = lines.removeLast()
        rest.replace(with: last)
        return lines
    }
}

/// The sockets' side under test, with what it reported.
final class Announcing: Sendable {
    let announcer: BlockAnnouncer
    let reports: Recorder<PeerReport>

    init(_ announcer: BlockAnnouncer, _ reports: Recorder<PeerReport>) {
        self.announcer = announcer
        self.reports = reports
    }

    var status: PeerStatus { announcer.status[0] }

    func ready() async throws { try await eventually { self.status.phase == .ready } }

    func adopted() async throws {
        try await eventually { self.status.blocks.last?.progress == .adopted }
    }

    func problem() async throws -> PeerProblem {
        try await eventually { self.status.lastProblem != nil }
        guard let problem = status.lastProblem else { throw TimedOut() }
        return problem
    }

    /// That the connection ends, or does not come about, for this reason.
    func expect(_ expected: PeerProblem, _ place: SourceLocation = #_sourceLocation) async throws {
        let problem = try await problem()
        #expect(problem == expected, sourceLocation: place)
    }

    /// The forms in which blocks were announced.
    var forms: [PeerSession.Form] {
        reports.all.compactMap { if case .announced(_, let form) = $0.event { form } else { nil } }
    }

    var served: [PeerSession.Served] {
        reports.all.compactMap { if case .served(_, let what) = $0.event { what } else { nil } }
    }
}
