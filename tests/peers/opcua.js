// A machine behind an OPC UA server that this project didn't write: that of npm's node-opcua.
//
//   node opcua.js PORT LOG FOLDER [secure]
//
// It makes a part every 0.1 to 0.3 s, and none while Hold is true. What happens is appended to LOG before anybody can
// read it, a line of JSON each, with the time: {"start": PID}, {"part": N}. The counter begins at zero with each start.
// The server keeps its certificate in FOLDER. `secure`: only Basic256Sha256 with SignAndEncrypt, and only the user
// mill with the password "secret".
"use strict";

const fs = require("fs");
const opcua = require("node-opcua");

const [port, path, folder, secure] = process.argv.slice(2);
const log = (line) => fs.appendFileSync(path, JSON.stringify({ at: Date.now() / 1000, ...line }) + "\n");

async function main() {
    const server = new opcua.OPCUAServer({
        port: Number(port),
        hostname: "127.0.0.1",
        serverCertificateManager: new opcua.OPCUACertificateManager({
            rootFolder: folder,
            automaticallyAcceptUnknownCertificate: true,
        }),
        securityPolicies: [secure ? opcua.SecurityPolicy.Basic256Sha256 : opcua.SecurityPolicy.None],
        securityModes: [secure ? opcua.MessageSecurityMode.SignAndEncrypt : opcua.MessageSecurityMode.None],
        allowAnonymous: !secure,
        userManager: { isValidUser: (user, password) => user === "mill" && password === "secret" },
    });
    await server.initialize();

    const space = server.engine.addressSpace;
    const own = space.getOwnNamespace();
    const machine = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Machine" });
    const add = (name, dataType, value, accessLevel = "CurrentRead") => {
        const node = own.addVariable({ componentOf: machine, browseName: name, nodeId: `s=${name}`, dataType, accessLevel });
        const show = (value) => node.setValueFromSource({ dataType: opcua.DataType[dataType], value });
        show(value);
        return { node, show };
    };
    const counter = add("Counter", "UInt32", 0);
    const program = add("Program", "String", "O0001");
    const tool = add("Tool", "UInt16", 1);
    add("State", "Int32", 1);
    const hold = add("Hold", "Boolean", false, "CurrentRead | CurrentWrite");

    await server.start();
    log({ start: process.pid });
    console.log(`listening on ${port}`);

    let parts = 0;
    function make() {
        if (!hold.node.readValue().value.value) {
            parts += 1;
            log({ part: parts });
            tool.show(1 + (parts % 12));
            counter.show(parts);
            if (parts % 20 === 0) program.show(`O000${1 + (parts / 20) % 5}`);
        }
        setTimeout(make, 100 + 200 * Math.random());
    }
    setTimeout(make, 100);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
