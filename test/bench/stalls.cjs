// Loaded into the measured process (node --require): blocks its event loop for 0.3 s and for 1 s in turn.
let next = 300;
setInterval(() => {
  const until = Date.now() + next;
  while (Date.now() < until);
  next = next === 300 ? 1000 : 300;
}, 4000).unref();
