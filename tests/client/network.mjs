// Runs first in a program under test: the part of the Internet that is not this machine. FARTHING_TEST_NETWORK: {port, names}, where the
// address 203.0.113.7 is the server at that port of this machine, and `names` has what each name leads to, one answer after the other.
import dns from "node:dns";
import net from "node:net";

const { port, names } = JSON.parse(process.env.FARTHING_TEST_NETWORK);
const { lookup } = dns;
const { connect } = net;
const asked = {};
dns.lookup = (name, options, done) => {
  const answers = names[name];
  if (!answers) return lookup(name, options, done);
  const at = (asked[name] = (asked[name] ?? -1) + 1);
  const address = answers[Math.min(at, answers.length - 1)];
  process.nextTick(() => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
};
net.connect = (options, ...more) => connect(options.host === "203.0.113.7" ? { ...options, host: "127.0.0.1", port } : options, ...more);
