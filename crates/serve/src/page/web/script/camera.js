
/* The camera: its frames are looked at as they come, until one is taken. */

const CAMERA_EVERY = 250;
/* Pixels of a frame's longer side, at most: enough for a network, and quick to send. */
const FRAME = 640;
const REFUSALS = {
  NotAllowedError: "The camera may not be used: the browser refused.", NotFoundError: "There is no camera.",
  NotReadableError: "The camera cannot be used: another program may have it.",
};

/* The frame that is shown now. */
function frame() {
  const { videoWidth, videoHeight } = camera, share = Math.min(FRAME / Math.max(videoWidth, videoHeight), 1);
  const canvas = make("canvas", { width: Math.round(share * videoWidth), height: Math.round(share * videoHeight) });
  canvas.getContext("2d").drawImage(camera, 0, 0, canvas.width, canvas.height);
  return fileOf(canvas, "image/jpeg", 0.92);
}

async function enterCamera() {
  const cameraSubject = {};
  let stream = null, frames = null, left = false;
  enter("camera", () => {
    left = true;
    clearInterval(frames);
    stream?.getTracks().forEach((track) => track.stop());
    camera.srcObject = null;
    allow(take, false);
  });
  lookAt(null);
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    // While the browser asked whether it may, its user may have gone on to something else.
    if (left) {
      stream.getTracks().forEach((track) => track.stop());
      return;
    }
    stream.getTracks().forEach((track) => track.addEventListener("ended", () => giveUp("The camera is gone.")));
    camera.srcObject = stream;
    await camera.play();
  } catch (error) {
    if (!left) giveUp(REFUSALS[error.name] ?? `The camera cannot be used: ${error.message}`);
    return;
  }
  if (left) return;
  allow(take, true);
  frames = setInterval(() => {
    if (!document.hidden) lookAt({ subject: cameraSubject, blob: frame, every: CAMERA_EVERY });
  }, CAMERA_EVERY);
}

function giveUp(text) {
  enterDrawing();
  tellProblem(text);
}

const take = button("Take", () => {
  if (!allowed(take)) return;
  lookAtBlob(frame(), "Taken by the camera.");
  sourceOf.camera.focus();
});
allow(take, false);
toolsOf.camera = make("div", { class: "pair" }, take, button("Stop", () => {
  enterDrawing();
  sourceOf.camera.focus();
}));

if (navigator.mediaDevices) {
  sourceOf.camera = button("Camera", enterCamera);
  byId("sources").append(sourceOf.camera);
}
