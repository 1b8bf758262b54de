//! Heat maps and whole pages for an image, one at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use convnet_explain::{
    CamMethod, ExplainError, Heat, Lens, Occlusion, Page, Palette, Photo, data_uri, enlarged, heat_picture,
    last_maps, network_view, overlay, signed_picture,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::kept::Kept;
use crate::problem::Problem;
use crate::served::Served;
use crate::server::Server;

/// How it is explained where the network looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Method {
    #[default]
    Gradcam,
    Layercam,
    Gradient,
    Occlusion,
}

/// What looks into the network: its memory, and the pages that were made.
pub(crate) struct Looks {
    /// Opened when it is asked for.
    lens: Mutex<Option<Lens>>,
    kept: Mutex<Kept>,
    /// Who looks, and who waits for that.
    turn: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Those who may wait for a look.
const WAITING: usize = 16;
/// The longer side of a picture.
const SHOWN: u32 = 280;
const STRENGTH: f32 = 0.5;
/// Windows of an occlusion along a side, at most.
const WINDOWS: usize = 14;
/// Classes that a page explains.
const EXPLAINED: usize = 2;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inside(error: ExplainError) -> Problem {
    Problem::inside(error)
}

impl Looks {
    pub(crate) fn new() -> Self {
        Self {
            lens: Mutex::new(None),
            kept: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// A place in the row of those who want to look; a future that is done when it is one's turn.
    pub(super) fn place(
        &self,
    ) -> Result<impl Future<Output = Option<OwnedSemaphorePermit>> + use<>, Problem> {
        let waiting = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| Problem::busy("too many explanations are asked for at once: ask again"))?;
        let turn = Arc::clone(&self.turn);
        Ok(async move {
            let turn = turn.acquire_owned().await.ok();
            drop(waiting);
            turn
        })
    }

    /// Where the network looked for a class, or for the likeliest.
    pub(super) fn heat(
        &self,
        served: &Served,
        input: &[f32],
        class: Option<usize>,
        method: Method,
    ) -> Result<Value, Problem> {
        if let Some(class) = class.filter(|class| *class >= served.names.len()) {
            let text = format!("class is {class}, expected 0 to {}", served.names.len() - 1);
            return Err(Problem::request(text));
        }
        let Some(layer) = last_maps(&served.graph) else {
            return Err(Problem::request("the network has no maps to look at"));
        };
        let mut lens = locked(&self.lens);
        let lens = match &mut *lens {
            Some(lens) => lens,
            none => {
                let opened = Lens::open(&served.graph, &*served.weights, &[layer], &served.options);
                none.insert(opened.map_err(inside)?.of_several(served.several))
            }
        };
        let class = class.map_or_else(|| lens.likeliest(input), Ok).map_err(inside)?;
        let seen = enlarged(&network_view(&served.preprocess, input), SHOWN);
        let over = |heat: Heat| overlay(&seen, &heat.scaled(), Palette::default(), STRENGTH);
        let [channels, height, width] = served.graph.input_size();
        let (picture, told) = match method {
            Method::Gradcam => (
                over(lens.cam(CamMethod::GradCam, input, class, layer).map_err(inside)?),
                "bright is where the last maps speak for the class (Grad-CAM)",
            ),
            Method::Layercam => (
                over(lens.cam(CamMethod::LayerCam, input, class, layer).map_err(inside)?),
                "bright is where the last maps speak for the class, each cell by its own gradient (LayerCAM)",
            ),
            Method::Gradient => {
                let gradient = lens.gradient(input, class, Default::default()).map_err(inside)?;
                let pixels = &gradient.data[..channels * height * width];
                let heat = Heat::merged(height, width, pixels, |most, g| most.abs().max(g.abs()));
                (
                    enlarged(&heat_picture(&heat.without_strongest().scaled(), Palette::default()), SHOWN),
                    "bright is where a pixel could change the class's logit most",
                )
            }
            Method::Occlusion => {
                let window = [height, width].map(|side| side.div_ceil(WINDOWS / 2).max(1));
                let stride = [height, width].map(|side| side.div_ceil(WINDOWS).max(1));
                let occlusion = Occlusion { window, stride, ..Occlusion::of_size(height, width) };
                let heats = lens.occlusion(input, &[class], &occlusion).map_err(inside)?;
                (
                    enlarged(&signed_picture(&heats[0].signed()), SHOWN),
                    "red is what the class loses by when it is covered, blue what it wins by",
                )
            }
        };
        Ok(json!({
            "picture": data_uri(&picture).map_err(inside)?,
            "class": class,
            "name": served.names[class],
            "told": told,
        }))
    }

    /// Makes a page of the network at work on an image, and gives its name.
    pub(super) fn page(&self, served: &Served, input: Vec<f32>) -> Result<String, Problem> {
        let photo = Photo { name: "your image".to_owned(), input };
        let page = Page {
            graph: &served.graph,
            weights: &*served.weights,
            preprocess: &served.preprocess,
            names: &served.names,
            photos: std::slice::from_ref(&photo),
            gallery: None,
            classes: &[],
            top: EXPLAINED,
            several: served.several,
            options: served.options,
        };
        let html = page.html(&mut |_| ()).map_err(inside)?;
        let id = Server::drawn_token().map_err(Problem::inside)?;
        locked(&self.kept).add(id.clone(), Bytes::from(html));
        Ok(id)
    }

    /// A page that was made.
    pub(super) fn kept(&self, id: &str) -> Option<Bytes> {
        locked(&self.kept).find(id)
    }
}
