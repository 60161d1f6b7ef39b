/**
 * CPU that the scheduler keeps for a container of a user. They wait most of the time, for a run or for a request, and
 * share what a node has up to their limits: so a node of two cores takes as many pods as the kubelet's default (110).
 */
export const CPU_REQUEST = '10m';
