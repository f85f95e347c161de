// The pg-boss half of peers.py, run by Node in a folder that has pg-boss.
//
//     node with_pgboss.cjs ADDRESS BODY prepare | work AT_ONCE
//
// Sends a job for each partnership, or does the jobs by one worker and prints the seconds. As its documentation advises,
// jobs are inserted together, and a worker fetches a batch of them and does it at once.

const fs = require("fs");
const PgBoss = require("pg-boss");
const { Pool } = require("pg");

const [address, body, mode, atOnce] = process.argv.slice(2);
const statements = JSON.parse(fs.readFileSync(body, "utf8")).map((text) => text.replaceAll("%s", "$1"));
const size = Number(atOnce || 1);
const pool = new Pool({ connectionString: address, max: size });

async function close({ data }) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    for (const statement of statements) await client.query(statement, [data.key]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function prepare(boss) {
  await boss.createQueue("due");
  const { rows } = await pool.query("SELECT partnership FROM ready.history ORDER BY partnership");
  await boss.insert(rows.map((row) => ({ name: "due", data: { key: row.partnership } })));
}

// `work` would look for jobs twice a second at most, so the jobs are fetched as its documentation has it for such a case.
async function work(boss) {
  const began = performance.now();
  for (;;) {
    const jobs = await boss.fetch("due", { batchSize: size });
    if (jobs.length === 0) return (performance.now() - began) / 1000;
    await Promise.all(jobs.map(close));
    await boss.complete("due", jobs.map((job) => job.id));
  }
}

async function main() {
  const boss = new PgBoss({ connectionString: address, supervise: false, schedule: false });
  boss.on("error", (error) => { console.error(error); process.exit(1); });
  await boss.start();
  if (mode === "prepare") await prepare(boss);
  else console.log(await work(boss));
  await boss.stop({ graceful: false });
  await pool.end();
}

main().catch((error) => { console.error(error); process.exit(1); });
