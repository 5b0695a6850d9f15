import Boards
import CPUHashing
import Emulator
import HardwareData

/// Something that goes wrong on purpose in the demo.
public enum DemoFault: String, CaseIterable, Sendable {
    /// The first board's data port gives other bytes than the chips sent.
    case garbage
    /// Of every frame of the first board only the beginning arrives.
    case halfFrames = "half-frames"
    /// The first board's chips say that they are of another model.
    case otherChip = "other-chip"
    /// The first board's chips say nothing.
    case silent
    /// The pool breaks the connection on which a job is being declared, twice.
    case poolDrop = "pool-drop"
    /// The pool breaks it every time.
    case poolGone = "pool-gone"
    /// The first board is unplugged after it has begun to hash.
    case unplug
    /// The miner's node tells nothing more after five shares; the pool's goes on.
    case nodeGone = "node-gone"

    public static var names: [String] { allCases.map(\.rawValue) }

    func port(seed: UInt64) -> FaultyPort? {
        switch self {
        case .garbage: FaultyPort(.garbage, seed: seed)
        case .halfFrames: FaultyPort(.halfFrames, seed: seed)
        case .otherChip: FaultyPort(.otherChip(0x1366), seed: seed)
        case .silent: FaultyPort(.silent, seed: seed)
        case .poolDrop, .poolGone, .unplug, .nodeGone: nil
        }
    }

    /// How many declarations the pool answers by breaking the connection.
    var droppedDeclarations: Int {
        switch self {
        case .poolDrop: 2
        case .poolGone: .max
        case .garbage, .halfFrames, .otherChip, .silent, .unplug, .nodeGone: 0
        }
    }
}

/// Why the demo cannot be run as asked.
public enum DemoUsageFault: Error, Equatable, Sendable, CustomStringConvertible {
    case duration(Double)
    case noBoards
    case tooManyBoards(Int)
    case boards(String)
    case notEmulated(String)
    case port(Int)
    case fault(String)
    case rungs(String)
    case processors(Int, duty: Double)

    public var description: String {
        switch self {
        case .duration(let seconds):
            "--duration \(seconds): the demo lasts from 1 to \(DemoOptions.longestDuration) seconds"
        case .noBoards:
            "--boards names no board, and no --cpu-threads are given; known: \(DemoOptions.knownBoards)"
        case .processors(let threads, let duty):
            "--cpu-threads \(threads) --cpu-duty \(duty): from 0 to \(CPUBoard.Options.mostThreads) threads, and a "
                + "duty above 0 and at most 1"
        case .tooManyBoards(let count):
            "--boards names \(count) boards; the demo runs \(DemoOptions.mostBoards) at most, since one core hashes for all"
        case .boards(let sentence): "--boards: \(sentence)"
        case .notEmulated(let name):
            "--boards: there is no emulator of \(name); there is one of: \(DemoOptions.knownBoards)"
        case .port(let port): "--pool-port \(port): a port is a number from 0 to 65535"
        case .rungs(let list):
            "--rungs \(list): a list of \(DemoRung.names), each once, the preferred one first"
        case .fault(let name): "--fault \(name): not one of \(DemoFault.names.joined(separator: ", "))"
        }
    }
}

/// What `adit demo` was asked for, checked.
public struct DemoOptions: Sendable {
    var duration: Duration?
    var boards: [BoardProfile]
    var seed: UInt64
    var json: Bool
    var blockOut: String?
    var poolPort: Int
    /// The file of the pool's secret key; `nil` makes a new one.
    var poolKey: String?
    var recording: String?
    var fault: DemoFault?
    /// Ways to earn, the preferred one first; at least one.
    var rungs: [DemoRung]
    /// This machine's own hashing threads; `nil` for none.
    var processors: CPUBoard.Options?

    public static let usualRungs = "full,light,pool-job,solo"
    static let longestDuration = 86_400.0
    static let mostBoards = 8
    /// Those that there is an emulator of.
    static var knownBoards: String {
        HardwareLibrary().boardNames.filter { (try? profile($0)) != nil }.joined(separator: ", ")
    }

    public init(
        duration: Double?, boards: String, seed: UInt64, json: Bool, blockOut: String?, poolPort: Int,
        poolKey: String? = nil, recording: String?, fault: String?, rungs: String = DemoOptions.usualRungs,
        processorThreads: Int = 0,
        processorDuty: Double = 1
    ) throws(DemoUsageFault) {
        if processorThreads != 0 {
            guard let processors = CPUBoard.Options(threads: processorThreads, duty: processorDuty) else {
                throw .processors(processorThreads, duty: processorDuty)
            }
            self.processors = processors
        }
        if let duration {
            guard duration >= 1, duration <= Self.longestDuration else { throw .duration(duration) }
            self.duration = .milliseconds(Int64(duration * 1000))
        }
        let names = boards.split(separator: ",").map { String($0.drop(while: \.isWhitespace)) }
        guard !names.isEmpty || processors != nil else { throw .noBoards }
        guard names.count <= Self.mostBoards else { throw .tooManyBoards(names.count) }
        self.boards = []
        for name in names { self.boards.append(try Self.profile(name)) }
        guard (0...65_535).contains(poolPort) else { throw .port(poolPort) }
        let ways = rungs.split(separator: ",", omittingEmptySubsequences: false)
        self.rungs = ways.compactMap { DemoRung(rawValue: String($0.drop(while: \.isWhitespace))) }
        guard Set(self.rungs).count == ways.count else { throw .rungs(rungs) }
        self.seed = seed
        self.json = json
        self.blockOut = blockOut
        self.poolPort = poolPort
        self.poolKey = poolKey
        self.recording = recording
        if let fault {
            guard let known = DemoFault(rawValue: fault) else { throw .fault(fault) }
            self.fault = known
        }
    }

    private static func profile(_ name: String) throws(DemoUsageFault) -> BoardProfile {
        guard HardwareLibrary().boardNames.contains(name) else { throw .notEmulated(name) }
        let profile: BoardProfile
        do throws(ProfileError) {
            profile = try HardwareLibrary().board(named: name)
        } catch {
            throw .boards("\(error)")
        }
        guard emulatedBoard(profile, seed: 0) != nil else { throw .notEmulated(name) }
        return profile
    }
}

/// The emulator's reading of a profile: the board that it names, on the scale that it gives. `nil` where there is none.
func emulatedBoard(_ profile: BoardProfile, seed: UInt64) -> EmulatedBoard? {
    let zeroBits = profile.chain.emulatedReportZeroBits
    switch profile.name {
    case "bitaxe-gamma":
        return .bitaxeGamma(reportZeroBits: zeroBits, seed: seed)
    case "emberone00":
        switch profile.control.format(for: nil) {
        case .payloadLength: return .emberOne00(format: .v0, reportZeroBits: zeroBits, seed: seed)
        case .status: return .emberOne00(format: .v1, reportZeroBits: zeroBits, seed: seed)
        case .totalLength: return nil
        }
    default:
        return nil
    }
}
