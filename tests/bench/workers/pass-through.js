// The floor of every gate: the request goes to the origin as it came.
export default {
  fetch: (request) => fetch(request),
};
