import ASICChains
import ASICChips
import BitcoinPrimitives
import Emulator
import HardwareData
import SimulationKit
import Testing
import Units

/// A model of the driver and of the emulator, by the name that both know it by.
struct Pairing: CustomTestStringConvertible, Sendable {
    let model: any ChipModel
    let emulated: EmulatedModel
    let chips: Int

    var testDescription: String { "\(emulated.name) × \(chips)" }

    /// Every model with each of these numbers of chips that it can address.
    static func all(_ counts: [Int]) -> [Pairing] {
        let library = HardwareLibrary()
        let known = library.chipNames.compactMap { try? library.chip(named: $0) }
        return EmulatedModel.all.flatMap { emulated -> [Pairing] in
            let id = UInt16(emulated.name.dropFirst(2), radix: 16)
            guard let facts = known.first(where: { facts in facts.chipIDs.contains { $0 == id } }),
                let model = chipModel(for: facts)
            else { preconditionFailure("no driver for the emulated \(emulated.name)") }
            return counts.filter { $0 <= facts.maximumChips }.map {
                Pairing(model: model, emulated: emulated, chips: $0)
            }
        }
    }

    static func one(_ name: String, _ chips: Int) -> Pairing {
        guard let pairing = all([chips]).first(where: { $0.emulated.name == name }) else {
            preconditionFailure("\(chips) chips of \(name)")
        }
        return pairing
    }

    /// Driver and chips on one line. Chips report from few zero bits, so that nonces cost next to nothing.
    func duet(
        faults: [Fault] = [], search: EmulatedChainParameters.Search = .drawn, reportZeroBits: Int = 2,
        baud: BaudRate? = nil, frequency: Hertz? = nil, seed: UInt64 = 1
    ) -> Duet {
        var parameters = EmulatedChainParameters(
            emulated, chips: chips, reportZeroBits: reportZeroBits, seed: seed)
        parameters.search = search
        parameters.faults = faults
        let profile = ChainProfile(
            model: model, chips: chips, frequency: frequency ?? model.facts.defaultFrequency,
            reportZeroBits: reportZeroBits, workingBaudRate: baud)
        return Duet(profile, parameters)
    }
}
