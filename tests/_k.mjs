import { round, figures, newTally } from "./judge/kill.mjs";
const t=Date.now();
const { tally, violations, log } = await round({ kills: Number(process.argv[2]??20), say: (x)=>console.log(((Date.now()-t)/1000).toFixed(1), x) });
console.log(figures(tally));
console.log(Date.now()-t, log.filter(l=>l.level!=="log").slice(0,10));
