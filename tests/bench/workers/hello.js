// The floor: an answer that nothing was decided for.
export default {
  fetch: () => new Response("hello"),
};
