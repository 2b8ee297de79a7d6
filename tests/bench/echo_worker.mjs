/** Answers what it is sent: what a message costs on this machine at this moment. */

onmessage = ({ data }) => postMessage(data);
