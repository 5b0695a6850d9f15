import BitcoinPrimitives
import Foundation
import LiveTemplates
import NodeRPC
import TemplateBuilding

/// What an agent at work takes in memory.
public struct AgentMemory: Hashable, Sendable, Codable {
    public let subject: String
    /// Of the process: what the kernel says it holds, after it gave back what is free.
    public let residentBytes: Int
    /// Of that its own, heap and stacks; the rest are pages of the program's file.
    public let ownBytes: Int
    /// As many times as much as a process of the same program holds that does nothing.
    public let ratio: Double
}

public enum AgentMemoryError: Error, Hashable, Sendable {
    /// The second process said this instead of two numbers.
    case said(String)
    /// `/proc/self/smaps_rollup` or `/proc/self/statm` cannot be read.
    case noMemoryFigures
}

extension AgentMemoryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .said(let text): "the second process said '\(text)' instead of what memory it has"
        case .noMemoryFigures:
            "this system does not tell how much memory a process has (/proc/self/smaps_rollup)"
        }
    }
}

extension NegotiationBench {
    /// A process for each mode, one after the other, in which a miner of one board and its pool come to work; the pool
    /// and the emulated chips are gone before memory is looked at. And one that does nothing.
    ///
    /// - Parameter executable: a program that calls `runAgentMemory` when it is started with `arguments` and the words
    ///   after them.
    public func memory(executable: String, arguments: [String]) throws -> [AgentMemory] {
        let sizes = [scale.transactions, scale.candidates, scale.mempool, scale.chips].map { "\($0)" }
        let nothing = try memory(of: executable, arguments + [emptyMode] + sizes)
        let modes = try AgentMode.allCases.map { mode in
            let figures = try memory(of: executable, arguments + [mode.rawValue] + sizes)
            return AgentMemory(
                subject: subject(of: mode), residentBytes: figures.resident, ownBytes: figures.own,
                ratio: Double(figures.resident) / Double(nothing.resident))
        }
        return [
            AgentMemory(
                subject: "a process that does nothing", residentBytes: nothing.resident,
                ownBytes: nothing.own,
                ratio: 1)
        ] + modes
    }

    private func subject(of mode: AgentMode) -> String {
        switch mode {
        case .full: "full template, with a mempool of \(scale.mempool)"
        case .light: "light, with a list of \(scale.candidates)"
        case .poolJob: "the pool's own jobs"
        }
    }

    private func memory(of executable: String, _ arguments: [String]) throws -> (resident: Int, own: Int) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard process.terminationStatus == 0, numbers.count == 2, numbers[0] > 0 else {
            throw AgentMemoryError.said(String(text.prefix(200)))
        }
        return (numbers[0], numbers[1])
    }
}

/// In place of a mode.
private let emptyMode = "empty"

/// The second process of `NegotiationBench.memory`: comes to work, and prints bytes of resident memory and of its own.
///
/// - Parameter words: the mode, transactions of a block, of the list, of the mempool, and chips of the chain.
public func runAgentMemory(_ words: [String]) throws {
    let sizes = words.dropFirst().compactMap { Int($0) }
    guard sizes.count == 4, let word = words.first, word == emptyMode || AgentMode(rawValue: word) != nil
    else {
        throw AgentMemoryError.said(words.joined(separator: " "))
    }
    var agent = try AgentMode(rawValue: word).map {
        try settledAgent($0, transactions: sizes[0], candidates: sizes[1], mempool: sizes[2], chips: sizes[3])
    }
    agent?.dropPool()
    // Figures of own memory come first: they give back what is free.
    let figures = withExtendedLifetime(agent) {
        (own: anonymousMemory(), resident: TemplateBench.residentBytes())
    }
    guard let own = figures.own, let resident = figures.resident else {
        throw AgentMemoryError.noMemoryFigures
    }
    print(resident, own)
}

/// An agent that has been at work for a while, with a few tips behind it.
func settledAgent(
    _ mode: AgentMode, transactions: Int, candidates: Int, mempool: Int, chips: Int
) throws -> NegotiationAgent {
    let tips: ClosedRange<UInt32> = 1...4
    var agent = try NegotiationAgent(mode, chains: 1, chips: chips)
    // Those of a view of a mempool that are in no template have no bytes, and pay less than the others.
    let listed = NegotiationScene.entries(max(transactions, candidates))
    let view =
        mode == .full
        ? listed
            + NegotiationScene.entries(
                max(0, mempool - listed.count), from: UInt32(listed.count), isPoor: true)
        : []
    for tip in tips {
        let next = NegotiationScene.next(tip)
        agent.tellPool(next, mode == .poolJob ? Array(listed.prefix(transactions)) : listed)
        if mode == .full {
            let added = MempoolChange(added: tip == tips.lowerBound ? view : [])
            agent.inform(.news(.mempool(added, tip: next.previousBlock)))
            agent.inform(.news(.tip(next)))
        }
        if tip == tips.lowerBound { agent.bringUp() }
        agent.run(for: .seconds(2))
    }
    precondition(agent.isAtWork, "it is still at work")
    return agent
}
