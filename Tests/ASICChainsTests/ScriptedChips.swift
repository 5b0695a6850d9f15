import ASICChips
import ASICWire
import Units

/// Chips that answer as bm13xx.md §3, §5, §14, §16 and §17 say, and no more than a driver needs to see.
struct ScriptedChips {
    struct Chip {
        var id: UInt32
        var address: UInt8?
        /// Answers to nothing.
        var isDead = false
        /// As last written.
        var clock: UInt32 = 0
        var registers: [UInt8: UInt32] = [:]
    }

    let model: any ChipModel
    var chips: [Chip]
    var format: ResponseFormat
    /// What chips that have no long form do with register 0xA4.
    var hasLongForm = true
    var hostRate = BaudRate(115_200)
    var chipRate = BaudRate(115_740)
    /// Writes to the clock's register have no effect.
    var isClockStuck = false
    /// Turns an answer to the n-th broadcast read into another.
    var spoil: (_ read: Int, _ answer: [UInt8]) -> [UInt8] = { $1 }
    private(set) var reads = 0

    /// - Parameter id: the value of CHIP_ID before there are addresses; the model's own where it is not given.
    init(_ count: Int, _ model: any ChipModel, id: UInt32? = nil) {
        self.model = model
        format = model.initialFormat
        chips = Array(repeating: Chip(id: id ?? UInt32(model.facts.chipIDs[0]) << 16), count: count)
    }

    private var clockRegister: UInt8 { model.dialect == .bare ? 0x0C : 0x08 }

    mutating func receive(_ frame: [UInt8]) -> [UInt8] {
        guard abs(Double(hostRate.symbolsPerSecond) / Double(chipRate.symbolsPerSecond) - 1) < 0.06,
            let command = command(frame)
        else { return [] }
        switch command {
        case .write(let register, let value, let recipient):
            write(register, value, recipient)
        case .chainInactive:
            for index in chips.indices { chips[index].address = nil }
        case .setAddress(let address):
            if let next = chips.firstIndex(where: { $0.address == nil && !$0.isDead }) {
                chips[next].address = address
            }
        case .read(let register, .everyChip):
            reads += 1
            return spoil(reads, chips.indices.filter { !chips[$0].isDead }.flatMap { answer($0, register) })
        case .read(let register, .chip(let address)):
            return chips.indices.filter { !chips[$0].isDead && answersTo($0, address) }
                .flatMap { answer($0, register) }
        case .job, .midstateJob:
            break
        }
        return []
    }

    func command(_ frame: [UInt8]) -> ChipCommand? {
        let form: JobForm = model.work == .fullHeader ? .fullHeader : .midstates
        guard case .frame(let command, frame.count) = decodeCommand(frame[...], model.dialect, jobs: form)
        else {
            return nil
        }
        return command
    }

    /// The BM1372 takes commands at a quarter of its address (bm13xx.md §5).
    private func answersTo(_ index: Int, _ address: UInt8) -> Bool {
        (chips[index].address ?? 0) == (model is BM1372 ? address * 4 : address)
    }

    private mutating func write(_ register: UInt8, _ value: UInt32, _ recipient: Recipient) {
        if register == 0xA4, hasLongForm, value >> 31 == 1 { format = .long }
        for step in model.baudSteps
        where step.writes.last.map({ $0.register.address == register && $0.value == value }) == true {
            chipRate = step.chips
        }
        for index in chips.indices where !chips[index].isDead {
            if case .chip(let address) = recipient, !answersTo(index, address) { continue }
            if register == clockRegister, !isClockStuck { chips[index].clock = value }
            chips[index].registers[register] = value
        }
    }

    private func answer(_ index: Int, _ register: UInt8) -> [UInt8] {
        let chip = chips[index]
        let address = chip.address ?? 0
        var value = chip.registers[register] ?? 0
        if register == 0 { value = chip.id | UInt32(address) }
        if register == clockRegister { value = chip.clock | (model.dialect == .bare ? 0 : 0x8000_0000) }
        let isNamed = model.dialect == .preambled
        return ChipResponse.register(
            RegisterValue(
                value: value, chipAddress: isNamed ? address : 0, register: isNamed ? register : 0)
        ).wireBytes(format)
    }
}
