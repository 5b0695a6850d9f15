import Foundation
import HostI2C
import Peripherals
import Testing

@Test func `a bus that is not there is said to be missing, with what to do`() {
    let fault = #expect(throws: HostBusFault.self) { _ = try HostBus(path: "/dev/i2c-4095") }
    #expect(fault == .opening("/dev/i2c-4095", errno: ENOENT))
    #expect(fault?.description.contains("i2c-dev") == true)
}

@Test(arguments: ["/dev/null", "/dev/zero"])
func `something else than a bus is refused at once`(path: String) {
    let fault = #expect(throws: HostBusFault.self) { _ = try HostBus(path: path) }
    #expect(fault == .noBus(path))
}

@Test func `a bus that may not be opened is told apart from one that is missing`() {
    #expect(HostBusFault.opening("/dev/i2c-1", errno: EACCES).description.contains("group"))
    #expect(HostBusFault.transfer("/dev/i2c-1", errno: ETIMEDOUT).description.contains("stuck"))
    #expect(
        HostBusFault.transfer("/dev/i2c-1", errno: EIO).description.hasPrefix("the bus /dev/i2c-1 failed: "))
}

@Test func `no descriptor is lost when opening fails`() throws {
    func openFiles() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
    let before = try openFiles()
    for _ in 0..<64 { #expect(throws: HostBusFault.self) { _ = try HostBus(path: "/dev/null") } }
    #expect(try openFiles() < before + 32)
}
