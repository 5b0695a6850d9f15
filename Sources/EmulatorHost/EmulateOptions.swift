public import Emulator

/// What `adit emulate` can be told, checked.
public struct EmulateOptions: Sendable {
    public let machine: EmulatedMachine
    public let pace: HashPace
    public let link: String?
    /// A file, or `-` for standard output.
    public let transcript: String?
    public let duration: Duration?
    public let json: Bool
    /// Of the scenario, where there is one.
    public let scenarioTitle: String?

    /// Most chips that an emulated chain has; 126 is the longest chain known.
    public static let chipLimit = 128
    public static let boards = ["bitaxe-gamma", "emberone00"]

    /// - Parameters:
    ///   - board: name of a board; then neither chip nor chips.
    ///   - hashRate: hashes a second of this machine, with k, M or G behind; `max`; `nil` for the chips' own.
    ///   - reportZeroBits: `nil` for 8, and for 1 with reports that are drawn.
    ///   - drawn: see `EmulatedChainParameters.Search.drawn`.
    public init(
        chip: String?, chips: Int?, board: String?, hashRate: String?, reportZeroBits: Int?, drawn: Bool,
        seed: UInt64, scenario: String?, link: String?, transcript: String?, duration: Double?, json: Bool
    ) throws(EmulateUsageFault) {
        if let duration, !(duration > 0 && duration < 1e9) { throw .duration(duration) }
        if drawn, hashRate != nil { throw .drawnRate }
        let zeroBits = reportZeroBits ?? (drawn ? 1 : 8)
        guard (1...(drawn ? 16 : 32)).contains(zeroBits) else {
            throw .zeroBits(zeroBits, limit: drawn ? 16 : 32)
        }
        let search: EmulatedChainParameters.Search = drawn ? .drawn : .ground
        let known: Scenario?
        do throws(ScenarioError) {
            known = if let scenario { try ScenarioLibrary().scenario(scenario) } else { nil }
        } catch {
            throw .scenario(error)
        }
        func faults(chips: Int) throws(EmulateUsageFault) -> [Fault] {
            do throws(ScenarioError) {
                return try known?.faults(chips: chips, seed: seed, file: scenario ?? "") ?? []
            } catch {
                throw .scenario(error)
            }
        }
        switch (board, chip) {
        case (nil, nil): throw .nothing
        case (.some, .some): throw .both
        case (let board?, nil):
            guard chips == nil else { throw .both }
            switch board {
            case "bitaxe-gamma":
                machine = .board(
                    .bitaxeGamma(
                        reportZeroBits: zeroBits, seed: seed, search: search, faults: try faults(chips: 1)))
            case "emberone00":
                machine = .board(
                    .emberOne00(
                        format: .v1, reportZeroBits: zeroBits, seed: seed, search: search,
                        faults: try faults(chips: 12)))
            case _: throw .board(board)
            }
        case (nil, let chip?):
            guard let model = EmulatedModel(named: chip) else { throw .chip(chip) }
            let count = chips ?? 1
            guard (1...Self.chipLimit).contains(count) else { throw .chips(count) }
            var parameters = EmulatedChainParameters(
                model, chips: count, reportZeroBits: zeroBits, seed: seed)
            (parameters.search, parameters.faults) = (search, try faults(chips: count))
            machine = .chain(EmulatedChain(parameters))
        }
        pace = try Self.pace(hashRate)
        self.link = link
        self.transcript = transcript
        self.duration = duration.map { .seconds($0) }
        self.json = json
        scenarioTitle = known?.title
    }

    private static func pace(_ text: String?) throws(EmulateUsageFault) -> HashPace {
        guard let text else { return .clocks }
        if text == "max" { return .unlimited }
        let factors: [Character: Double] = ["k": 1e3, "M": 1e6, "G": 1e9]
        let factor = text.last.flatMap { factors[$0] }
        guard let number = Double(factor == nil ? text : String(text.dropLast())), number > 0,
            number * (factor ?? 1) < 1e15
        else { throw .hashRate(text) }
        return .hashesPerSecond(number * (factor ?? 1))
    }
}

/// What is wrong with the options.
public enum EmulateUsageFault: Error, Hashable, Sendable, CustomStringConvertible {
    case nothing, both, drawnRate
    case chip(String)
    case chips(Int)
    case board(String)
    case hashRate(String)
    case zeroBits(Int, limit: Int)
    case duration(Double)
    case scenario(ScenarioError)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .nothing: "say what to emulate: --chip NAME, or --board NAME"
        case .both: "a board has its own chips: give either --board, or --chip and --chips"
        case .drawnRate: "--drawn reports at the rate of the real chips, so --hashrate has no meaning with it"
        case .chip(let name):
            "there is no chip \"\(name)\"; known: \(EmulatedModel.all.map(\.name).joined(separator: ", "))"
        case .chips(let count): "--chips \(count) is not possible; give it 1 to \(EmulateOptions.chipLimit)"
        case .board(let name):
            "there is no emulated board \"\(name)\"; known: \(EmulateOptions.boards.joined(separator: ", "))"
        case .hashRate(let text):
            "--hashrate \(text) is not a rate; give it hashes a second such as 500k, 20M or 1.5G, or max"
        case .zeroBits(let bits, let limit):
            "--report-zero-bits \(bits) is not possible here; give it 1 to \(limit)"
        case .duration(let seconds):
            "--duration \(seconds) is not possible; give it a number of seconds above 0"
        case .scenario(let error): "\(error)"
        }
    }
}
